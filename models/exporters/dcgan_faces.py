"""A DCGAN that draws faces: noise [B, 100, 1, 1] → [B, 3, 64, 64] in [-1, 1].

Architecture: A. Radford, L. Metz, S. Chintala (arXiv 1511.06434).
"""

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from .weights import fold_norm, read_checkpoint

WEIGHTS = "gan_face_generate/weights.tar"
NORM_EPSILON = 1e-5
CHANNELS = [100, 512, 256, 128, 64, 3]


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    state = read_checkpoint(WEIGHTS)["netG_state_dict"]
    layers: list[nn.Module] = []
    for index, (channels, out) in enumerate(pairwise(CHANNELS)):
        last = index == len(CHANNELS) - 2
        stride, padding = (1, 0) if index == 0 else (2, 1)
        layer = nn.ConvTranspose2d(channels, out, 4, stride, padding, bias=not last)
        weight, norm = f"main.{3 * index}.weight", f"main.{3 * index + 1}"
        if last:
            layer.load_state_dict({"weight": state[weight]})
        else:
            kernel, bias = fold_norm(state, weight, norm, NORM_EPSILON, channels=1)
            layer.load_state_dict({"weight": kernel, "bias": bias})
        layers += [layer, nn.Tanh() if last else nn.ReLU(inplace=True)]
    return nn.Sequential(*layers), (torch.linspace(-2, 2, 100).view(1, 100, 1, 1),)


def companions() -> dict[str, bytes]:
    return {}


def check(model: nn.Module, reference: Path) -> str:
    """No reference pictures are kept: that it draws different pictures that use the whole range, and the same again."""
    noise = torch.randn(4, 100, 1, 1, generator=torch.Generator().manual_seed(1))
    faces = model(noise)
    spread = (faces[0] - faces[1]).abs().mean().item()
    if faces.shape != (4, 3, 64, 64) or spread < 0.05 or faces.std() < 0.2 or not faces.isfinite().all():
        raise SystemExit(f"the pictures are no pictures: shape {tuple(faces.shape)}, spread {spread:.3f}")
    again = (model(noise[:1]) - faces[:1]).abs().max().item()
    if again > 1e-4:
        raise SystemExit(f"the same noise gave another picture, by {again:.1e}")
    return f"4 faces of 64×64 that differ by {spread:.2f} on average; one drawn alone is the same within {again:.1e}"
