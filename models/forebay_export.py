"""Saves a PyTorch module as the `model.pt` that Forebay's workers load.

    import forebay_export
    forebay_export.save(module, (example,), "models/my-model/1")

The module is traced (or scripted), checked for what goes wrong later on a worker, and written so that the same module
always gives the same bytes. Nothing but torch is needed: copy this file to where your model is.
"""

import hashlib
import io
import re
import struct
import warnings
import zipfile
from pathlib import Path

# torch says so once where numpy is not installed; nothing here needs it. Before torch is imported, which may say it.
warnings.filterwarnings("ignore", message="Failed to initialize NumPy")

import torch
from torch import Tensor, nn


class ExportError(Exception):
    """The module would not work on a worker; the message says why and what to do."""


def save(module: nn.Module, example_inputs: tuple[Tensor, ...], folder: str | Path, *, script: bool = False) -> str:
    """Writes `folder/model.pt` and returns its SHA-256.

    example_inputs: what `module` is called with; the first dimension of each is the batch.
    script: compile the source instead of recording one call: for code that branches on its inputs, and for LSTMs.
    """
    archive = export(module, example_inputs, script=script)
    path = Path(folder) / "model.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Moved into place whole: a worker that starts meanwhile never sees half a file.
    staged = path.with_name("model.pt.new")
    staged.write_bytes(archive)
    staged.replace(path)
    return hashlib.sha256(archive).hexdigest()


def export(module: nn.Module, example_inputs: tuple[Tensor, ...], *, script: bool = False) -> bytes:
    """The bytes of `model.pt`, checked."""
    module = module.cpu().eval().requires_grad_(False)
    with torch.no_grad():
        # Unfrozen: freezing bakes weights in as constants, and the module could not be moved to a GPU any more.
        compiled = torch.jit.script(module) if script else torch.jit.trace(module, example_inputs, check_trace=False)
        if 'value="cpu"' in str(compiled.inlined_graph):
            raise ExportError(
                'the device "cpu" is baked in, so the module would fail on a GPU: make new tensors from existing ones '
                "(x.new_zeros, torch.zeros_like, a registered buffer) instead of with device=, or use script=True"
            )
        buffer = io.BytesIO()
        torch.jit.save(compiled, buffer)
        archive = canonical(buffer.getvalue())
        loaded = torch.jit.load(io.BytesIO(archive))
        check_agreement(module, loaded, example_inputs, "the example")
        # A number taken from a shape while tracing is frozen into the trace; another batch size shows it.
        tripled = tuple(torch.cat([one, one, one]) for one in example_inputs)
        check_agreement(module, loaded, tripled, "three times the example as one batch")
    return archive


def check_agreement(module: nn.Module, loaded: nn.Module, inputs: tuple[Tensor, ...], what: str) -> None:
    expected = module(*inputs)
    if not isinstance(expected, Tensor):
        raise ExportError(f"the module returns {type(expected).__name__}: return one tensor, the batch first")
    if expected.shape[:1] != inputs[0].shape[:1]:
        raise ExportError(f"the first dimension of the output {tuple(expected.shape)} must be the batch")
    try:
        found = loaded(*inputs)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        what = f"on {what} the exported module fails: {reason}"
        raise ExportError(f"{what}; take sizes from the input in the code, or use script=True") from error
    if found.shape != expected.shape or not torch.allclose(found, expected, rtol=1e-3, atol=1e-4, equal_nan=True):
        raise ExportError(
            f"on {what} the exported module answers otherwise than the original: look for numbers taken from shapes, "
            "branches on values and randomness, or use script=True"
        )


def canonical(archive: bytes) -> bytes:
    """The same TorchScript archive without what differs from run to run.

    Debug records hold the paths of source files, and a random-looking id is computed over them; the order, the
    timestamps and the name of the top folder follow how it was saved.
    """
    records: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        for name in source.namelist():
            record = name.partition("/")[2]
            if not record.endswith(".debug_pkl") and record != ".data/serialization_id":
                records[record] = source.read(name)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        for record in sorted(records, key=natural):
            entry = zipfile.ZipInfo(f"model/{record}", date_time=(1980, 1, 1, 0, 0, 0))
            # Weights begin at multiples of 64 bytes, so that they can be used where they lie.
            start = out.tell() + zipfile.sizeFileHeader + len(entry.filename) + 4
            padding = -start % 64
            entry.extra = struct.pack("<2sH", b"FB", padding) + bytes(padding)
            target.writestr(entry, records[record])
    return out.getvalue()


def natural(name: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
