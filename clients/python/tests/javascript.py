"""The examples of the page for JavaScript, each after the first, as Node.js runs them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import readme

PAGE = readme.CLIENT.parent / "javascript/README.md"
_BLOCK = re.compile(r"^```js\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What a page would do with the function.
_BROWSER = """
import { readFile as read } from "node:fs/promises";
const picture = new File([await read("cat.png")], "cat.png", { type: "image/png" });
console.log((await classify(picture)).classes[0].label);
"""
_LONGEST_S = 120


def examples() -> list[str]:
    """Whole programs."""
    first, *others = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return [first + other + (_BROWSER if "globalThis.classify" in other else "") for other in others]


def expected() -> list[str]:
    """What each prints, as patterns."""
    classes = r"[A-Za-z ,'-]+\n"
    return [r"job_[0-9a-v]{42}\nsucceeded 384\n", classes, classes, r"(\d+ [a-z]+\n)*\d+ succeeded\n"]


def run(code: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Runs one where the files are that it speaks of; what it printed."""
    program = folder / "example.mjs"
    program.write_text(code, encoding="utf-8")
    with readme.within(folder):
        # The one that the checkout's tests run on, else the machine's.
        node = os.environ.get("FOREBAY_NODE", "node")
        done = subprocess.run(
            [node, program], env={**os.environ, **environment}, capture_output=True, text=True, timeout=_LONGEST_S
        )
    assert done.returncode == 0, done.stderr
    return done.stdout
