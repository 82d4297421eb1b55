#!/usr/bin/env python3
"""Adds a tiny model of one's own: `double` takes four numbers and answers twice as much. models/README.md explains it.

example: .tools/python/bin/python models/examples/add_your_own.py [FOLDER, models without it]
"""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import forebay_export


class Double(torch.nn.Module):
    def forward(self, numbers):  # [B, 4] → [B, 4]: the first dimension is the batch
        return numbers * 2


folder = Path(sys.argv[1] if len(sys.argv) > 1 else "models") / "double" / "1"
sha256 = forebay_export.save(Double(), (torch.ones(1, 4),), folder)
(folder / "model.toml").write_text(f"""\
[model]
name = "double"
version = "1"
task = "tensor"
title = "Twice as much"
licence = "Apache-2.0"
work = "light"
cost_ms = 1.0
input = {{ kind = "tensor", max_bytes = 1_000 }}

[weights]
sha256 = "{sha256}"

[tensor]
shape = [4]

[batch]
max_items = 64
max_wait_ms = 5
""")
print(f"{folder}: sha256 {sha256}")
