"""Both clients as one: a test is written once, and runs with threads and with an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import forebay


class Bridge:
    """An asynchronous client or job, whose calls are waited for: its loop runs in a thread of its own."""

    def __init__(self, inner: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._inner, self._loop = inner, loop

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return self._wrapped_call(value) if callable(value) else value

    def __repr__(self) -> str:
        return repr(self._inner)

    def _wrapped_call(self, call: Any) -> Any:
        return lambda *arguments, **named: self._done(call(*arguments, **named))

    def _done(self, outcome: Any) -> Any:
        if asyncio.iscoroutine(outcome):
            return self._done(asyncio.run_coroutine_threadsafe(outcome, self._loop).result())
        if isinstance(outcome, AsyncIterator):
            return self._each(outcome)
        return Bridge(outcome, self._loop) if isinstance(outcome, forebay.AsyncJob) else outcome

    def _each(self, outcomes: Any) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(outcomes, self)

        try:
            while (outcome := asyncio.run_coroutine_threadsafe(following(), self._loop).result()) is not self:
                yield self._done(outcome)
        finally:
            asyncio.run_coroutine_threadsafe(outcomes.aclose(), self._loop).result()


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()
