"""The types are those of the document, and can be read at run time."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import typing
import unittest
from importlib import metadata
from pathlib import Path

import forebay
from forebay import types

CLIENT = Path(__file__).resolve().parent.parent


class Types(unittest.TestCase):
    def test_they_are_made_from_the_document_as_it_is(self) -> None:
        made = subprocess.run(
            [sys.executable, CLIENT / "tools/make_types.py", "--check"], capture_output=True, text=True
        )
        self.assertEqual(made.returncode, 0, made.stdout + made.stderr)

    def test_what_is_installed_is_what_lies_here_and_is_typed(self) -> None:
        installed = Path(forebay.__file__).parent
        here = CLIENT / "src/forebay"
        names = sorted(path.name for path in here.iterdir() if path.is_file())
        self.assertIn("py.typed", names)
        for name in names:
            self.assertEqual((installed / name).read_bytes(), (here / name).read_bytes(), name)
        self.assertEqual(metadata.version("forebay"), forebay.__version__)
        needed = metadata.requires("forebay") or []
        # The second is NotRequired for Python 3.10, and httpx has it there itself.
        self.assertEqual([re.split(r"\W", need)[0] for need in needed], ["httpx", "typing_extensions"])

    def test_each_can_be_resolved(self) -> None:
        tables = [
            value for _, value in inspect.getmembers(types, inspect.isclass) if value.__module__ == types.__name__
        ]
        self.assertIn(types.Job, tables)
        for table in tables:
            self.assertTrue(typing.get_type_hints(table))

    def test_both_clients_have_the_same_calls(self) -> None:
        for waiting, asynchronous in [(forebay.Client, forebay.AsyncClient), (forebay.Job, forebay.AsyncJob)]:
            calls = {name for name in dir(waiting) if not name.startswith("_")}
            self.assertEqual(calls, {name for name in dir(asynchronous) if not name.startswith("_")})
            for name in calls:
                if callable(call := getattr(waiting, name)):
                    ours = list(inspect.signature(call).parameters.values())
                    theirs = list(inspect.signature(getattr(asynchronous, name)).parameters.values())
                    self.assertEqual([(p.name, p.kind, p.default) for p in ours],
                                     [(p.name, p.kind, p.default) for p in theirs], name)  # fmt: skip
                    self.assertEqual(call.__doc__, getattr(asynchronous, name).__doc__, name)
