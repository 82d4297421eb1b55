"""What tests of both clients share: a played service, a folder, and either kind of client.

A file's tests are methods of a mixin, which is no test by itself; each kind of client runs them.
"""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import both
import played

import forebay

QUICK = forebay.Retry(patience=5, first_pause=0.01, longest_pause=0.05)


class Service(unittest.TestCase):
    """A played service and a client of it."""

    def make(self, **options: Any) -> Any:
        """A client of some kind."""
        raise NotImplementedError

    def setUp(self) -> None:
        self.service = played.Played()
        self.addCleanup(self.service.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        # Nobody waits half a second between two looks at a job that a test plays.
        soon = mock.patch("forebay._calls.BETWEEN", 0.01)
        soon.start()
        self.addCleanup(soon.stop)
        self.client = self.make()


class WithThreads(Service):
    def make(self, **options: Any) -> Any:
        client = forebay.Client(**{"url": self.service.url, "key": "fb_key", "retry": QUICK, **options})
        self.addCleanup(client.close)
        return client


class WithAnEventLoop(Service):
    def setUp(self) -> None:
        self.loop = both.Loop()
        self.addCleanup(self.loop.close)
        super().setUp()

    def make(self, **options: Any) -> Any:
        client = forebay.AsyncClient(**{"url": self.service.url, "key": "fb_key", "retry": QUICK, **options})
        bridge = both.Bridge(client, self.loop.loop)
        self.addCleanup(bridge.close)
        return bridge
