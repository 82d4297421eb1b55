"""With an event loop nothing blocks it, and what is canceled ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
import unittest
import unittest.mock
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import played

import forebay


class SlowPicture:
    """A picture that takes its time to be encoded."""

    mode = "RGB"

    def save(self, fp: Any, format: str | None = None) -> None:  # noqa: A002
        time.sleep(0.5)
        fp.write(b"\x89PNG\r\n\x1a\n")


class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.service = played.Played()
        self.addCleanup(self.service.close)
        self.client = forebay.AsyncClient(self.service.url, "fb_key")
        self.addAsyncCleanup(self.client.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    @contextlib.asynccontextmanager
    async def others_go_on(self) -> AsyncIterator[None]:
        """The loop turns all the while: something else is done hundreds of times meanwhile."""
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.001)

        task, began = asyncio.create_task(turn()), time.monotonic()
        yield
        took = time.monotonic() - began
        task.cancel()
        self.assertGreater(took, 0.4, "it was to be slow")
        self.assertGreater(turns, 20, "the loop stood still")

    async def test_slow_answers_pictures_files_and_pauses_let_others_go_on(self) -> None:
        made = httpx.AsyncClient

        def slowly(**options: Any) -> httpx.AsyncClient:
            time.sleep(0.5)
            return made(**options)

        async with self.others_go_on():
            with unittest.mock.patch("httpx.AsyncClient", slowly):
                await self.client.quota()
        async with self.others_go_on():
            await self.client.submit("m", SlowPicture())
        self.service.fault("POST", "/v1/jobs", played.after(0.5))
        async with self.others_go_on():
            await self.client.submit("m", "a")
        self.service.fault("POST", "/v1/jobs", played.refuse(429, "rate-limited", "1"))
        async with self.others_go_on():
            await self.client.submit("m", "a")
        # A file that nobody writes into yet: opening it waits.
        os.mkfifo(pipe := self.folder / "pipe")
        async with self.others_go_on():
            submitting = asyncio.create_task(self.client.submit("m", pipe))
            await asyncio.sleep(0.5)
            self.assertFalse(submitting.done())
            await asyncio.to_thread(pipe.write_bytes, b"a text")
            await submitting
        self.assertIn(b'"text":"a text"', self.service.seen[-1].body)

    async def test_what_is_canceled_ends_and_says_which_job_goes_on(self) -> None:
        known = self.service.add(polls=10**6)
        waiting = asyncio.create_task(self.client.job(known.id).wait())
        await asyncio.sleep(0.1)
        waiting.cancel()
        with self.assertRaises(asyncio.CancelledError) as raised:
            await waiting
        if sys.version_info >= (3, 11):
            self.assertIn(known.id, raised.exception.__notes__[0])

    async def test_a_save_that_is_canceled_leaves_nothing(self) -> None:
        known = self.service.add(result=b"x" * 1000)
        self.service.fault("GET", "/result", played.after(0.5))
        saving = asyncio.create_task(self.client.job(known.id).save(self.folder / "a"))
        while not self.service.asked("GET", "/result"):
            await asyncio.sleep(0.01)
        saving.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await saving
        self.assertEqual(list(self.folder.iterdir()), [])

    async def test_a_run_that_nobody_wants_any_more_ends_at_once(self) -> None:
        self.service.next = {"polls": 10**6}

        async def endless() -> AsyncIterator[str]:
            number = 0
            while True:
                number += 1
                yield str(number)

        async def drain() -> None:
            async for _ in self.client.map("m", endless(), concurrency=4):
                self.fail("nothing ends")

        running = asyncio.create_task(drain())
        while len(self.service.jobs) < 4:
            await asyncio.sleep(0.01)
        running.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await running
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        self.assertEqual(left, [])


class WithThreads(unittest.TestCase):
    def test_an_interrupted_wait_says_which_job_goes_on(self) -> None:
        with played.played() as service, forebay.Client(service.url, "fb_key") as client:
            known = service.add(polls=10**6)

            def interrupted(_: float) -> None:
                raise KeyboardInterrupt

            with unittest.mock.patch("time.sleep", interrupted), self.assertRaises(KeyboardInterrupt) as raised:
                client.job(known.id).wait()
            if sys.version_info >= (3, 11):
                self.assertIn(f"client.job('{known.id}')", raised.exception.__notes__[0])
