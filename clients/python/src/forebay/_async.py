"""The client for an event loop of asyncio: what waits lets others go on, and files and pictures are read in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import httpx

from . import _calls, types
from ._effects import Effect, Flow, Reply, Request, Send, Sleep, T
from ._exchange import Reading, answering, arguments, refused
from ._following import Event, Following
from ._inputs import Input
from ._job import Known
from ._journal import Journal
from ._mapping import Many, Outcome
from ._pace import Line
from ._result import Result
from ._retry import Retry
from ._settings import WAIT, from_environment, settings
from ._submission import Options
from .errors import ForebayError, UnansweredError


class AsyncClient:
    """A service, as one caller.

    Without arguments it is the service that `FOREBAY_URL` names, with the key of `FOREBAY_KEY` or `FOREBAY_KEY_FILE`.
    Who names a service names its key too: the environment's stays at the environment's service.
    Tasks of one event loop may share it.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        retry: Retry | None = None,
        idle_timeout: float = 30.0,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """`idle_timeout`: seconds for which nothing may move in an exchange, besides what the service is asked to hold
        back. `http`: a client of your own, for proxies and certificates; close it yourself.
        """
        self._settings = settings(url, key, retry, idle_timeout, from_environment())
        self._http = http
        self._owns_http = http is None
        self._opening = asyncio.Lock()

    async def run(
        self,
        model: str,
        input: Input = None,  # noqa: A002
        *,
        parameters: Mapping[str, types.ParameterValue] | None = None,
        media_type: str | None = None,
        version: str | None = None,
        deadline: datetime | None = None,
        strict: bool = False,
        fresh: bool = False,
        idempotency_key: str | None = None,
        timeout: float | None = WAIT,
    ) -> Result:
        """Submits a job, waits for its end and fetches what it made.

        Beyond `timeout` seconds it is a StillRunningError, and the job goes on. See `submit` for the rest.
        """
        options = Options(parameters or {}, version, deadline, None, strict, fresh)
        state = await self._run(_calls.submit(self._settings, model, input, media_type, options, idempotency_key))
        return await AsyncJob(self, state["id"], state).result(timeout)

    async def submit(
        self,
        model: str,
        input: Input = None,  # noqa: A002
        *,
        parameters: Mapping[str, types.ParameterValue] | None = None,
        media_type: str | None = None,
        version: str | None = None,
        deadline: datetime | None = None,
        not_before: datetime | None = None,
        strict: bool = False,
        fresh: bool = False,
        idempotency_key: str | None = None,
    ) -> AsyncJob:
        """Submits a job: `input` is a text, a `Path`, bytes, an open file, an array, a picture, or nothing.

        `media_type` says what bytes are that do not say it themselves. `strict` refuses degraded answers, `fresh` runs
        although the same was answered before. Without an `idempotency_key` a random one is sent, so that a submission
        that is repeated because its answer was lost is one job; give your own to have that across restarts.
        """
        options = Options(parameters or {}, version, deadline, not_before, strict, fresh)
        state = await self._run(_calls.submit(self._settings, model, input, media_type, options, idempotency_key))
        return AsyncJob(self, state["id"], state)

    async def plan(
        self,
        model: str,
        input: Input = None,  # noqa: A002
        *,
        parameters: Mapping[str, types.ParameterValue] | None = None,
        media_type: str | None = None,
        version: str | None = None,
    ) -> types.Plan:
        """What submitting it would come to; nothing is queued and nothing is spent."""
        options = Options(parameters or {}, version)
        return await self._run(_calls.plan(self._settings, model, input, media_type, options))

    async def map(
        self,
        model: str,
        inputs: Iterable[Input] | AsyncIterable[Input],
        *,
        parameters: Mapping[str, types.ParameterValue] | None = None,
        media_type: str | None = None,
        version: str | None = None,
        strict: bool = False,
        fresh: bool = False,
        concurrency: int = 8,
        in_order: bool = True,
        journal: str | PathLike[str] | None = None,
        fetch: bool = True,
        retry_failed: bool = False,
        timeout: float | None = None,
        patience: float = 600.0,
    ) -> AsyncIterator[Outcome]:
        """What becomes of each input, as many as there are: a bounded number is under way and in memory.

        It rests as long as `Retry-After` says, up to `patience` seconds for one call. What is one input's fault is its
        outcome's `error`; what would befall every other too, such as a wrong key, is raised. With a `journal`, the same
        call after any interruption goes on: nothing is submitted twice, and every outcome is given again.
        `retry_failed` submits anew what the journal knows and what failed. Jobs that are under way when nobody iterates
        any more go on.
        """
        options = Options(parameters or {}, version, None, None, strict, fresh)
        log = await asyncio.to_thread(Journal, Path(journal) if journal is not None else None)
        running: dict[asyncio.Task[Outcome], int] = {}
        try:
            many = Many.of(
                self._settings, model, options, media_type, log, concurrency, patience, timeout, fetch, retry_failed
            )
            line: Line[Outcome] = Line(concurrency, in_order=in_order)
            take = _taker(inputs)
            is_over = False
            while not (is_over and line.is_idle):
                while not is_over and line.has_room(many.pace.allowed):
                    try:
                        given = await take()
                    except StopAsyncIteration:
                        is_over = True
                        break
                    place = line.begin()
                    running[asyncio.create_task(self._run(many.one(place, given)))] = place
                if running:
                    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        line.end(running.pop(task), task.result())
                for outcome in line.out():
                    yield outcome
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await asyncio.to_thread(log.close)

    def job(self, id: str) -> AsyncJob:  # noqa: A002
        """A job by its id, such as one of a program that ended: nothing is asked yet."""
        return AsyncJob(self, id)

    async def jobs(self, *, status: _calls.Status | None = None, model: str | None = None) -> AsyncIterator[AsyncJob]:
        """The account's jobs, newest first, a page at a time."""
        cursor: str | None = None
        while True:
            page = await self._run(_calls.page(self._settings, status, model, cursor))
            for state in page["jobs"]:
                yield AsyncJob(self, state["id"], state)
            if (cursor := page["cursor"]) is None:
                return

    async def models(self) -> types.Models:
        """What the caller may ask for."""
        return cast(types.Models, await self._run(_calls.read(self._settings, "/v1/models", "models")))

    async def quota(self) -> types.Quota:
        """How the caller stands with its limits."""
        return cast(types.Quota, await self._run(_calls.read(self._settings, "/v1/quota", "limits")))

    async def close(self) -> None:
        """Lets go of its connections."""
        if self._owns_http and self._http is not None:
            await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncClient {self._settings.host}>"

    async def _opened(self) -> httpx.AsyncClient:
        """It reads the machine's certificates when it is made: in a thread, for that takes a while."""
        async with self._opening:
            if self._http is None:
                limits = httpx.Limits(max_connections=None)
                self._http = await asyncio.to_thread(lambda: httpx.AsyncClient(limits=limits))
            return self._http

    async def _run(self, flow: Flow[T]) -> T:
        """Has the flow's effects happen, one after the other."""
        try:
            effect = next(flow)
            while True:
                try:
                    outcome = await self._do(effect)
                except BaseException as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(outcome)
        except StopIteration as end:
            return cast(T, end.value)

    async def _do(self, effect: Effect) -> Any:
        if isinstance(effect, Send):
            return await self._exchange(effect.request)
        if isinstance(effect, Sleep):
            return await asyncio.sleep(effect.seconds)
        return await asyncio.to_thread(effect.function)

    async def _exchange(self, request: Request) -> Reply:
        http = await self._opened()
        with answering(self._settings):
            asked = arguments(self._settings, request)
            async with http.stream(**asked, follow_redirects=False) as response:
                reading = Reading(self._settings, request, response)
                if reading.sink is not None:
                    await asyncio.to_thread(reading.sink.begin)
                async for piece in response.aiter_bytes():
                    if not reading.take(piece):
                        break
                    if reading.sink is not None:
                        await asyncio.to_thread(reading.sink.write, piece)
                return reading.reply()

    async def _events(self, following: Following) -> AsyncIterator[Event]:
        while not following.has_ended:
            try:
                async for event in self._connection(following):
                    yield event
                if not following.has_ended:
                    raise UnansweredError("the service closed the stream of events")
            except ForebayError as error:
                await asyncio.sleep(following.pause(error))

    async def _connection(self, following: Following) -> AsyncIterator[Event]:
        http = await self._opened()
        asked = arguments(self._settings, following.request())
        with answering(self._settings):
            async with http.stream(**asked, follow_redirects=False) as response:
                if not response.is_success:
                    body = await anext(response.aiter_bytes(1 << 16), b"")
                    raise refused(self._settings, response, body)
                following.opened(response.status_code, response.headers.get("content-type", ""))
                async for piece in response.aiter_bytes():
                    for event in following.read(piece):
                        yield event
                    if following.has_ended:
                        return


def _taker(inputs: Iterable[Input] | AsyncIterable[Input]) -> Callable[[], Any]:
    """What gives the next input, and ends as asynchronous iterators do."""
    if isinstance(inputs, AsyncIterable):
        return aiter(inputs).__anext__
    waiting = iter(inputs)

    async def take() -> Input:
        for given in waiting:
            return given
        raise StopAsyncIteration

    return take


class AsyncJob(Known):
    """A job. Its methods ask the service; `state` is what was last heard."""

    def __init__(self, client: AsyncClient, id: str, state: types.Job | None = None) -> None:  # noqa: A002
        super().__init__(id, state)
        self._client = client

    async def _run(self, flow: Flow[T]) -> T:
        return await self._client._run(_calls.about(self.id, flow))

    async def refresh(self) -> AsyncJob:
        """Asks how it stands."""
        self.state = await self._run(_calls.look(self._client._settings, self.id))
        return self

    async def wait(self, timeout: float | None = WAIT) -> AsyncJob:
        """Waits for its end, whichever: see `status`. Beyond `timeout` seconds it is a StillRunningError."""
        self.state = await self._run(_calls.wait(self._client._settings, self.id, timeout))
        return self

    async def result(self, timeout: float | None = WAIT) -> Result:
        """What it made, once it has ended. Where it made nothing: JobFailedError, JobCanceledError, JobExpiredError."""
        return await self._run(_calls.result(self._client._settings, self.id, timeout))

    async def save(self, path: str | PathLike[str], timeout: float | None = WAIT) -> Path:
        """Writes what it made into a file, piece by piece: the file is there whole or not at all."""
        return await self._run(_calls.save(self._client._settings, self.id, Path(path), timeout))

    async def events(self, last_event_id: str | None = None) -> AsyncIterator[Event]:
        """What happens to it, to its end. A connection that breaks is made again, and nothing is missed."""
        async for event in self._client._events(Following(self._client._settings, self.id, last_event_id)):
            self.state = event.job
            yield event

    async def cancel(self, *, idempotency_key: str | None = None) -> AsyncJob:
        """Calls it off. With the key of a submission, that one alone, where several of yours became one job."""
        self.state = await self._run(_calls.cancel(self._client._settings, self.id, idempotency_key))
        return self

    async def erase(self) -> types.ErasureReceipt:
        """Erases its input, its result and what else there is of it; the receipt says what remains, and until when."""
        return await self._run(_calls.erase(self._client._settings, self.id))

    async def retry(self, *, idempotency_key: str | None = None) -> AsyncJob:
        """The same once more, as a new job: only of what failed, was canceled or has expired."""
        state = await self._run(_calls.retry(self._client._settings, self.id, idempotency_key))
        return AsyncJob(self._client, state["id"], state)
