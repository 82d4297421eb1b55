"""One of many inputs: submitted once, waited for, and its result fetched."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from ._calls import fetch, submission, submit_request, wait
from ._effects import Flow, Request, sleep, work
from ._inputs import Input
from ._journal import Journal
from ._pace import Pace
from ._result import Result
from ._settings import Settings
from ._submission import Options
from .errors import (
    BadRequestError,
    ConflictError,
    ForebayError,
    InvalidInputError,
    JobCanceledError,
    JobErasedError,
    JobExpiredError,
    JobFailedError,
    NotFoundError,
    StillRunningError,
)

# Many wait at once, and whoever stops them waits for the last answer.
HOLD = 10.0
# What is one input's fault alone. A wrong key, an unknown model or a service that is away is everybody's.
_OF_ONE = (
    BadRequestError,
    ConflictError,
    InvalidInputError,
    JobErasedError,
    JobExpiredError,
    JobFailedError,
    StillRunningError,
)


@dataclass
class Outcome:
    """What became of one input."""

    index: int
    """Its place among the inputs."""
    input: Input = field(repr=False)
    """The input itself."""
    job_id: str | None = None
    """Its job: `client.job(outcome.job_id)`. None where none was made."""
    error: ForebayError | None = None
    """Why it has no result."""
    _result: Result | None = field(default=None, repr=False)

    @property
    def result(self) -> Result:
        """What its job made; raises `error` where it made nothing."""
        if self.error is not None:
            raise self.error
        if self._result is None:
            raise ValueError(f"results were not to be fetched: client.job({self.job_id!r}).result() does")
        return self._result


@dataclass(frozen=True)
class Many:
    """What all inputs of one run share."""

    settings: Settings
    model: str
    options: Options
    media_type: str | None
    journal: Journal
    pace: Pace
    timeout: float | None
    fetches: bool
    retries_failed: bool

    @classmethod
    def of(
        cls, settings: Settings, model: str, options: Options, media_type: str | None, journal: Journal, most: int,
        patience: float, timeout: float | None, fetches: bool, retries_failed: bool,
    ) -> Many:  # fmt: skip
        """A run that is as patient as this, and whose every exchange sets its pace."""
        if most < 1:
            raise InvalidInputError("a concurrency is at least 1")
        pace, clock = Pace(most), settings.clock
        settings = dataclasses.replace(
            settings,
            retry=dataclasses.replace(settings.retry, patience=patience),
            observe=lambda error: pace.heard(error, clock()),
        )
        return cls(settings, model, options, media_type, journal, pace, timeout, fetches, retries_failed)

    def one(self, index: int, given: Input) -> Flow[Outcome]:
        """One input's way. What would befall every other too is raised."""
        outcome = Outcome(index, given)
        try:
            outcome._result = yield from self._through(outcome)
        except ForebayError as error:
            error.job_id = error.job_id or outcome.job_id
            if not isinstance(error, _OF_ONE):
                raise
            outcome.error = error
        return outcome

    def _through(self, outcome: Outcome) -> Flow[Result | None]:
        key, request = yield from work(lambda: self._prepared(outcome.input))
        attempt = 1
        if (known := self.journal.job(key)) is not None:
            outcome.job_id, attempt = known
            try:
                return (yield from self._end(outcome.job_id))
            except (JobFailedError, JobCanceledError):
                if not self.retries_failed:
                    raise
            except (NotFoundError, JobExpiredError):
                # The service keeps jobs and results for a while: this one is gone.
                pass
            attempt += 1
        yield from self._rested()
        key_sent = key if attempt == 1 else f"{key}-{attempt}"
        request = dataclasses.replace(request, headers={**request.headers, "idempotency-key": key_sent})
        job = (yield from submit_request(self.settings, request, key_sent))["id"]
        outcome.job_id = job
        yield from work(lambda: self.journal.accepted(key, job, attempt))
        return (yield from self._end(job))

    def _prepared(self, given: Input) -> tuple[str, Request]:
        made = submission(self.model, given, self.media_type, self.options)
        request = made.request("")
        return made.digest(request, self.journal.salt), request

    def _rested(self) -> Flow[None]:
        while (rest := self.pace.rest(self.settings.clock())) > 0:
            # All who rest until then do not come at once.
            yield from sleep(rest + self.settings.random() * min(rest / 10, 1.0))

    def _end(self, job: str) -> Flow[Result | None]:
        state = yield from wait(self.settings, job, self.timeout, HOLD)
        if not self.fetches and state["status"] == "succeeded":
            return None
        return (yield from fetch(self.settings, job))
