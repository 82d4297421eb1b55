"""The README's examples run, and print what they should."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path

import played
import readme


def make(seen: played.Seen, job: played.Job) -> None:
    """What the models of the examples make."""
    if b"no picture" in seen.body:
        job.ends = "failed"
    embedding = {"embedding": [0.5] * 384}
    classes = {"classes": [{"index": 285, "label": "Egyptian cat", "probability": 0.9}]}
    job.result = json.dumps(embedding if b"MiniLM" in seen.body or b"minilm" in seen.body else classes).encode()


class Examples(unittest.TestCase):
    def test_each_runs_and_is_short(self) -> None:
        examples, expected = readme.examples(), readme.expected()
        self.assertEqual(len(examples), len(expected))
        with played.played() as service, tempfile.TemporaryDirectory() as folder:
            service.make = make
            environment = {"FOREBAY_URL": service.url, "FOREBAY_KEY": "fb_key"}
            for code, pattern in zip(examples, expected, strict=True):
                with self.subTest(code=code):
                    self.assertRegex(readme.run(code, Path(folder), environment), f"^(?:{pattern})$")
                    lines = [line for line in code.splitlines() if line.strip()]
                    self.assertLessEqual(len(lines), 13)
