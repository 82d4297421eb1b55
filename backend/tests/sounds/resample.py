#!/usr/bin/env python3
"""What `torchaudio.functional.resample` makes, by its definition, with nothing but PyTorch: the reference of
`src/input/audio/resample.rs`.

example: .tools/python/bin/python backend/tests/sounds/resample.py
"""

import math

import torch

CROSSINGS, ROLL_OFF = 6, 0.99


def resample(samples: torch.Tensor, old: int, new: int) -> torch.Tensor:
    common = math.gcd(old, new)
    old, new = old // common, new // common
    base = min(old, new) * ROLL_OFF
    width = math.ceil(CROSSINGS * old / base)
    places = torch.arange(-width, width + old, dtype=torch.float64)[None] / old
    t = (torch.arange(0, -new, -1, dtype=torch.float64)[:, None] / new + places) * base
    t = t.clamp(-CROSSINGS, CROSSINGS)
    window = torch.cos(t * math.pi / CROSSINGS / 2) ** 2
    weights = (torch.sinc(t) * window * base / old).float()[:, None]
    padded = torch.nn.functional.pad(samples, (width, width + old))
    made = torch.nn.functional.conv1d(padded[None, None], weights, stride=old)
    return made.transpose(1, 2).reshape(-1)[: math.ceil(new * len(samples) / old)]


def main() -> None:
    chirp = torch.sin(torch.arange(400, dtype=torch.float64) ** 2 / 50).float()
    for old, new in [(44100, 16000), (48000, 16000), (8000, 16000), (22050, 16000)]:
        numbers = ", ".join(repr(round(float(sample), 6)) for sample in resample(chirp, old, new)[:8])
        print(f"({old:_}, {new:_}, [{numbers}]),")


if __name__ == "__main__":
    main()
