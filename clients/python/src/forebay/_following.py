"""A job's events over connections that break: what is asked for next, and what came. No connection in here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from . import types
from ._calls import FINAL, read_job
from ._effects import Request
from ._retry import Backoff, Repeat
from ._settings import Settings
from ._sse import SseReader
from ._submission import job_id
from .errors import ForebayError, ForeignAnswerError

# The service says something at least each 15 seconds; after this long the connection is taken for dead.
SILENCE = 45.0


@dataclass(frozen=True)
class Event:
    """What happened to a job."""

    id: str | None
    """Its number, growing within a job."""
    name: str
    """`queued`, `running`, `progress`, `returned`, or how it ended: `types.EventName`."""
    job: types.Job
    """The job after it."""


class Following:
    """A job's events, in order; what a broken connection missed comes over the next one."""

    def __init__(self, settings: Settings, job: str, last: str | None) -> None:
        self._settings = settings
        self._job = job_id(job)
        self._last = last
        self._backoff = Backoff(settings.retry)
        self._reader = SseReader()
        self.has_ended = False

    def request(self) -> Request:
        """What opens the next connection."""
        self._reader = SseReader()
        headers = {"accept": "text/event-stream"}
        if self._last is not None:
            headers["last-event-id"] = self._last
        # Beyond the usual silence, the service may say nothing for that much longer.
        held = max(SILENCE - self._settings.idle_timeout, 0.0)
        return Request("GET", f"/v1/jobs/{self._job}/events", headers, held=held)

    def opened(self, status: int, media_type: str) -> None:
        """It is open."""
        if status == 204:
            # The job has ended, and all of it was told.
            self.has_ended = True
        elif not media_type.startswith("text/event-stream"):
            raise ForeignAnswerError(f"{media_type or 'nothing'} came in the place of events")

    def read(self, piece: bytes) -> Iterator[Event]:
        """The events that a piece of the stream completes."""
        for event in self._reader.read(piece):
            try:
                said = json.loads(event.data)
            except (ValueError, RecursionError):
                said = None
            job = read_job(said if isinstance(said, dict) else {})
            self._last = event.id if event.id is not None else self._last
            self._backoff.reset()
            self.has_ended = job["status"] in FINAL
            yield Event(event.id, event.event, job)
            if self.has_ended:
                return

    def pause(self, error: ForebayError) -> float:
        """The connection broke: seconds until the next. The error is raised where there is none."""
        error.job_id = error.job_id or self._job
        return self._backoff.next(error, Repeat.HARMLESS, self._settings.random())
