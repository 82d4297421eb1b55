"""The client for threads: every call waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
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


class _StoppedError(Exception):
    """Nobody wants what this thread was to do."""


class Client:
    """A service, as one caller.

    Without arguments it is the service that `FOREBAY_URL` names, with the key of `FOREBAY_KEY` or `FOREBAY_KEY_FILE`.
    Who names a service names its key too: the environment's stays at the environment's service.
    Threads may share it.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        retry: Retry | None = None,
        idle_timeout: float = 30.0,
        http: httpx.Client | None = None,
    ) -> None:
        """`idle_timeout`: seconds for which nothing may move in an exchange, besides what the service is asked to hold
        back. `http`: a client of your own, for proxies and certificates; close it yourself.
        """
        self._settings = settings(url, key, retry, idle_timeout, from_environment())
        self._http = http or httpx.Client(limits=httpx.Limits(max_connections=None))
        self._owns_http = http is None

    def run(
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
        state = self._run(_calls.submit(self._settings, model, input, media_type, options, idempotency_key))
        return Job(self, state["id"], state).result(timeout)

    def submit(
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
    ) -> Job:
        """Submits a job: `input` is a text, a `Path`, bytes, an open file, an array, a picture, or nothing.

        `media_type` says what bytes are that do not say it themselves. `strict` refuses degraded answers, `fresh` runs
        although the same was answered before. Without an `idempotency_key` a random one is sent, so that a submission
        that is repeated because its answer was lost is one job; give your own to have that across restarts.
        """
        options = Options(parameters or {}, version, deadline, not_before, strict, fresh)
        state = self._run(_calls.submit(self._settings, model, input, media_type, options, idempotency_key))
        return Job(self, state["id"], state)

    def plan(
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
        return self._run(_calls.plan(self._settings, model, input, media_type, options))

    def map(
        self,
        model: str,
        inputs: Iterable[Input],
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
    ) -> Iterator[Outcome]:
        """What becomes of each input, as many as there are: a bounded number is under way and in memory.

        It rests as long as `Retry-After` says, up to `patience` seconds for one call. What is one input's fault is its
        outcome's `error`; what would befall every other too, such as a wrong key, is raised. With a `journal`, the same
        call after any interruption goes on: nothing is submitted twice, and every outcome is given again.
        `retry_failed` submits anew what the journal knows and what failed. Jobs that are under way when nobody iterates
        any more go on.
        """
        options = Options(parameters or {}, version, None, None, strict, fresh)
        log = Journal(Path(journal) if journal is not None else None)
        try:
            many = Many.of(
                self._settings, model, options, media_type, log, concurrency, patience, timeout, fetch, retry_failed
            )
        except BaseException:
            log.close()
            raise
        return self._each(many, iter(inputs), concurrency, Line(concurrency, in_order=in_order))

    def _each(self, many: Many, inputs: Iterator[Input], most: int, line: Line[Outcome]) -> Iterator[Outcome]:
        stopped = threading.Event()
        threads = ThreadPoolExecutor(most, "forebay-map")
        running: dict[Future[Outcome], int] = {}
        is_over = False
        try:
            while not (is_over and line.is_idle):
                while not is_over and line.has_room(many.pace.allowed):
                    try:
                        given = next(inputs)
                    except StopIteration:
                        is_over = True
                        break
                    place = line.begin()
                    running[threads.submit(self._run, many.one(place, given), stopped)] = place
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    line.end(running.pop(future), future.result())
                yield from line.out()
        finally:
            stopped.set()
            threads.shutdown(wait=False, cancel_futures=True)
            many.journal.close()

    def job(self, id: str) -> Job:  # noqa: A002
        """A job by its id, such as one of a program that ended: nothing is asked yet."""
        return Job(self, id)

    def jobs(self, *, status: _calls.Status | None = None, model: str | None = None) -> Iterator[Job]:
        """The account's jobs, newest first, a page at a time."""
        cursor: str | None = None
        while True:
            page = self._run(_calls.page(self._settings, status, model, cursor))
            for state in page["jobs"]:
                yield Job(self, state["id"], state)
            if (cursor := page["cursor"]) is None:
                return

    def models(self) -> types.Models:
        """What the caller may ask for."""
        return cast(types.Models, self._run(_calls.read(self._settings, "/v1/models", "models")))

    def quota(self) -> types.Quota:
        """How the caller stands with its limits."""
        return cast(types.Quota, self._run(_calls.read(self._settings, "/v1/quota", "limits")))

    def close(self) -> None:
        """Lets go of its connections."""
        if self._owns_http:
            self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client {self._settings.host}>"

    def _run(self, flow: Flow[T], stopped: threading.Event | None = None) -> T:
        """Has the flow's effects happen, one after the other."""
        try:
            effect = next(flow)
            while True:
                try:
                    outcome = self._do(effect, stopped)
                except BaseException as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(outcome)
        except StopIteration as end:
            return cast(T, end.value)

    def _do(self, effect: Effect, stopped: threading.Event | None) -> Any:
        if stopped is not None and stopped.is_set():
            raise _StoppedError
        if isinstance(effect, Send):
            return self._exchange(effect.request)
        if isinstance(effect, Sleep):
            return time.sleep(effect.seconds) if stopped is None else stopped.wait(effect.seconds)
        return effect.function()

    def _exchange(self, request: Request) -> Reply:
        with (
            answering(self._settings),
            self._http.stream(**arguments(self._settings, request), follow_redirects=False) as response,
        ):
            reading = Reading(self._settings, request, response)
            if reading.sink is not None:
                reading.sink.begin()
            for piece in response.iter_bytes():
                if not reading.take(piece):
                    break
                if reading.sink is not None:
                    reading.sink.write(piece)
            return reading.reply()

    def _events(self, following: Following) -> Iterator[Event]:
        while not following.has_ended:
            try:
                yield from self._connection(following)
                if not following.has_ended:
                    raise UnansweredError("the service closed the stream of events")
            except ForebayError as error:
                time.sleep(following.pause(error))

    def _connection(self, following: Following) -> Iterator[Event]:
        asked = arguments(self._settings, following.request())
        with answering(self._settings), self._http.stream(**asked, follow_redirects=False) as response:
            if not response.is_success:
                raise refused(self._settings, response, next(response.iter_bytes(1 << 16), b""))
            following.opened(response.status_code, response.headers.get("content-type", ""))
            for piece in response.iter_bytes():
                yield from following.read(piece)
                if following.has_ended:
                    return


class Job(Known):
    """A job. Its methods ask the service; `state` is what was last heard."""

    def __init__(self, client: Client, id: str, state: types.Job | None = None) -> None:  # noqa: A002
        super().__init__(id, state)
        self._client = client

    def _run(self, flow: Flow[T]) -> T:
        return self._client._run(_calls.about(self.id, flow))

    def refresh(self) -> Job:
        """Asks how it stands."""
        self.state = self._run(_calls.look(self._client._settings, self.id))
        return self

    def wait(self, timeout: float | None = WAIT) -> Job:
        """Waits for its end, whichever: see `status`. Beyond `timeout` seconds it is a StillRunningError."""
        self.state = self._run(_calls.wait(self._client._settings, self.id, timeout))
        return self

    def result(self, timeout: float | None = WAIT) -> Result:
        """What it made, once it has ended. Where it made nothing: JobFailedError, JobCanceledError, JobExpiredError."""
        return self._run(_calls.result(self._client._settings, self.id, timeout))

    def save(self, path: str | PathLike[str], timeout: float | None = WAIT) -> Path:
        """Writes what it made into a file, piece by piece: the file is there whole or not at all."""
        return self._run(_calls.save(self._client._settings, self.id, Path(path), timeout))

    def events(self, last_event_id: str | None = None) -> Iterator[Event]:
        """What happens to it, to its end. A connection that breaks is made again, and nothing is missed."""
        for event in self._client._events(Following(self._client._settings, self.id, last_event_id)):
            self.state = event.job
            yield event

    def cancel(self, *, idempotency_key: str | None = None) -> Job:
        """Calls it off. With the key of a submission, that one alone, where several of yours became one job."""
        self.state = self._run(_calls.cancel(self._client._settings, self.id, idempotency_key))
        return self

    def erase(self) -> types.ErasureReceipt:
        """Erases its input, its result and what else there is of it; the receipt says what remains, and until when."""
        return self._run(_calls.erase(self._client._settings, self.id))

    def retry(self, *, idempotency_key: str | None = None) -> Job:
        """The same once more, as a new job: only of what failed, was canceled or has expired."""
        state = self._run(_calls.retry(self._client._settings, self.id, idempotency_key))
        return Job(self._client, state["id"], state)
