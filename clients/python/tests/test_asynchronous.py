"""With an event loop nothing blocks it, and what is canceled ends."""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
import threading
import unittest
import unittest.mock
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import played

import forebay
from forebay._sink import FileSink

# Longer than any turn of a loop that turns takes, however busy the machine is.
LONGEST_S = 20.0


class SlowPicture:
    """A picture whose encoding takes as long as it is told to."""

    mode = "RGB"

    def __init__(self, wait: Callable[[], None]) -> None:
        self.wait = wait

    def save(self, fp: Any, format: str | None = None) -> None:  # noqa: A002
        self.wait()
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

    def waits_for_others(self) -> Callable[[], None]:
        """What takes until something else was done by the loop, and fails where the loop stands still meanwhile."""
        loop = asyncio.get_running_loop()

        def wait() -> None:
            done = threading.Event()
            loop.call_soon_threadsafe(done.set)
            if not done.wait(LONGEST_S):
                raise AssertionError("the loop stood still")

        return wait

    async def test_pictures_certificates_and_answers_that_take_long_let_others_go_on(self) -> None:
        wait, made = self.waits_for_others(), httpx.AsyncClient

        def slowly(**options: Any) -> httpx.AsyncClient:
            wait()
            return made(**options)

        with unittest.mock.patch("httpx.AsyncClient", slowly):
            await self.client.quota()
        await self.client.submit("m", SlowPicture(wait))

        def late(handler: played.Handler, seen: played.Seen) -> None:
            wait()
            handler.answer(seen)

        self.service.fault("POST", "/v1/jobs", late)
        await self.client.submit("m", "a")

    async def test_files_that_take_long_to_be_read_let_others_go_on(self) -> None:
        wait = self.waits_for_others()

        class SlowFile(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                wait()
                return super().read(size)

        await self.client.submit("m", SlowFile(b"a text"))
        self.assertIn(b'"text":"a text"', self.service.seen[-1].body)

    async def test_a_pause_lets_others_go_on(self) -> None:
        self.service.fault("POST", "/v1/jobs", played.refuse(429, "rate-limited", "1"))
        with unittest.mock.patch("time.sleep", side_effect=AssertionError("the loop stands still")):
            await self.client.submit("m", "a")

    async def test_files_are_written_in_threads(self) -> None:
        wait, known = self.waits_for_others(), self.service.add(result=b"x" * 1000)
        write = FileSink.write

        def slowly(sink: FileSink, piece: bytes) -> object:
            wait()
            return write(sink, piece)

        with unittest.mock.patch.object(FileSink, "write", slowly):
            path = await self.client.job(known.id).save(self.folder / "a")
        self.assertEqual(path.stat().st_size, 1000)

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
