"""The examples of the README, one after the other, as whoever reads it would run them."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

CLIENT = Path(__file__).resolve().parent.parent
FIXTURES = CLIENT.parent.parent / "tests/fixtures"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> list[str]:
    """Their code."""
    return _BLOCK.findall((CLIENT / "README.md").read_text(encoding="utf-8"))


def run(code: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Runs one where the files are that it speaks of; what it printed."""
    written = io.StringIO()
    with within(folder), mock.patch.dict(os.environ, environment), contextlib.redirect_stdout(written):
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    return written.getvalue()


@contextlib.contextmanager
def within(folder: Path) -> Iterator[None]:
    shutil.copy(FIXTURES / "chelsea.png", folder / "cat.png")
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    for name in ["chelsea.png", "coffee.png"]:
        shutil.copy(FIXTURES / name, pictures)
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def expected() -> list[str]:
    """What each prints, as patterns."""
    classes = r"[A-Za-z ,'-]+\n"
    job = r"job_[0-9a-v]{42}"
    return [
        classes,
        rf"{job}\n([a-z]+ \d+\n)*succeeded \d+\n384\n",
        r"succeeded cat\.json\n",
        rf"pictures/chelsea\.png {classes}pictures/coffee\.png {classes}",
        r"([a-z]+\n)*succeeded\n384\n384\n384\n",
        rf"{job} image-undecodable .+\n|4\d\d [a-z-]+ .+ False [0-9a-f]+\n",
        r"400\n",
    ]
