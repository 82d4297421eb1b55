"""The examples for Python and for JavaScript run, print what they should, and are short."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path
from types import ModuleType

import javascript
import played
import readme

LONGEST = 13


def make(seen: played.Seen, job: played.Job) -> None:
    """What the models of the examples make."""
    if b"no picture" in seen.body:
        job.ends = "failed"
    embedding = {"embedding": [0.5] * 384}
    classes = {"classes": [{"index": 285, "label": "Egyptian cat", "probability": 0.9}]}
    job.result = json.dumps(embedding if b"minilm" in seen.body else classes).encode()


class Examples(unittest.TestCase):
    def run_all(self, page: ModuleType) -> None:
        examples, expected = page.examples(), page.expected()
        self.assertEqual(len(examples), len(expected))
        with played.played() as service, tempfile.TemporaryDirectory() as folder:
            service.make = make
            environment = {"FOREBAY_URL": service.url, "FOREBAY_KEY": "fb_key"}
            for code, pattern in zip(examples, expected, strict=True):
                with self.subTest(code=code):
                    self.assertRegex(page.run(code, Path(folder), environment), f"^(?:{pattern})$")

    def test_pythons_run(self) -> None:
        self.run_all(readme)

    def test_javascripts_run(self) -> None:
        self.run_all(javascript)

    def test_they_are_short(self) -> None:
        for code in readme.examples():
            self.assertLessEqual(len([line for line in code.splitlines() if line.strip()]), LONGEST)
