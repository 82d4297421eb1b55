"""Why a call did not give what it was asked for: one class for each thing that a caller would do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import types

__all__ = [
    "BadRequestError",
    "ConflictError",
    "ForbiddenError",
    "ForebayError",
    "ForeignAnswerError",
    "InvalidInputError",
    "JobCanceledError",
    "JobErasedError",
    "JobExpiredError",
    "JobFailedError",
    "NotFoundError",
    "Problem",
    "RateLimitedError",
    "RefusedError",
    "StillRunningError",
    "UnansweredError",
    "UnauthorizedError",
    "UnavailableError",
]

# The most of a foreign answer that is shown, in characters.
MOST_SHOWN = 200


class ForebayError(Exception):
    """Whatever goes wrong here."""

    job_id: str | None = None
    """The job that it is about: pick it up with `client.job(job_id)`."""
    idempotency_key: str | None = None
    """What was submitted under it, and perhaps accepted: submitted again under the same key, it is one job."""

    def __str__(self) -> str:
        text = self.message()
        return text if self.job_id is None or self.job_id in text else f"{text} [job {self.job_id}]"

    def message(self) -> str:
        """What went wrong, without the job."""
        return super().__str__()


class UnansweredError(ForebayError):
    """Nothing answered in time: ask again."""


class ForeignAnswerError(ForebayError):
    """Something else answered in the service's place: look at the address."""


class InvalidInputError(ForebayError, ValueError):
    """What was given cannot be sent: correct it. Nothing was."""


class StillRunningError(ForebayError, TimeoutError):
    """The job goes on, but the caller's patience is over: wait again, by its id."""

    def __init__(self, job: types.Job) -> None:
        super().__init__(job)
        self.job = job
        self.job_id = job["id"]

    def message(self) -> str:
        return f"{self.job['id']} is {self.job['status']} still"


@dataclass(frozen=True)
class Problem:
    """What every refusal says (RFC 9457), read leniently: a newer service may say things that are not known here."""

    status: int
    """The HTTP status that it came with."""
    code: str = ""
    """Which of the closed list (`types.ProblemCode`); empty where something else than the service answered."""
    title: str = ""
    """One line for people, the same for every occurrence."""
    detail: str = ""
    """What to do about this occurrence."""
    type: str = "about:blank"
    """The problem type's URI."""
    retryable: bool | None = None
    """Whether the same request may succeed later; None where nothing is said about it."""
    request_id: str = ""
    """The id that the service's log knows the request by."""
    retry_after: float | None = None
    """Seconds to wait before asking again, as `Retry-After` says."""
    violated_policies: tuple[str, ...] = ()
    """The limits that refused."""
    admitting_plans: tuple[str, ...] = ()
    """The plans that would have let it pass."""
    earliest_feasible_ms: int | None = None
    """The earliest deadline that can be met, in milliseconds since the epoch, with `deadline-infeasible`."""
    failure: Mapping[str, Any] | None = None
    """Why the job failed (`types.JobFailure`), with `job-failed`."""
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All that was said."""

    @classmethod
    def read(cls, status: int, body: bytes, retry_after: float | None = None, request_id: str = "") -> Problem:
        """Reads the body of a refusal; whatever is no problem is shown as it is."""
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or not (_text(said, "title") or _text(said, "code")):
            detail = body[: MOST_SHOWN * 4].decode("utf-8", "replace")[:MOST_SHOWN]
            title = f"Status {status}, and not from Forebay"
            return cls(status, title=title, detail=detail, retry_after=retry_after, request_id=request_id)
        retryable, earliest, failure = said.get("retryable"), said.get("earliest_feasible_ms"), said.get("failure")
        return cls(
            status=status,
            code=_text(said, "code"),
            title=_text(said, "title"),
            detail=_text(said, "detail"),
            type=_text(said, "type") or "about:blank",
            retryable=retryable if isinstance(retryable, bool) else None,
            request_id=_text(said, "request_id") or request_id,
            retry_after=retry_after,
            violated_policies=_texts(said, "violated_policies"),
            admitting_plans=_texts(said, "admitting_plans"),
            earliest_feasible_ms=earliest if isinstance(earliest, int) and not isinstance(earliest, bool) else None,
            failure=failure if isinstance(failure, dict) else None,
            body=said,
        )

    def __str__(self) -> str:
        """`title: detail (code, request id)`, on one line."""
        text = self.title + (f": {self.detail}" if self.detail else "")
        if self.failure is not None and (why := _text(self.failure, "code")):
            text += f": {why}: {_text(self.failure, 'detail')}"
        if self.code:
            text += f" ({self.code}, request {self.request_id})" if self.request_id else f" ({self.code})"
        return "".join(character if character.isprintable() else " " for character in text)


class RefusedError(ForebayError):
    """The service said no; the problem says what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def code(self) -> str:
        """Which of the closed list, `types.ProblemCode`."""
        return self.problem.code

    @property
    def title(self) -> str:
        """One line for people, the same for every occurrence."""
        return self.problem.title

    @property
    def detail(self) -> str:
        """What to do about this occurrence."""
        return self.problem.detail

    @property
    def retryable(self) -> bool | None:
        """Whether the same request may succeed later; None where nothing is said about it."""
        return self.problem.retryable

    @property
    def request_id(self) -> str:
        """The id that the service's log knows the request by."""
        return self.problem.request_id

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before asking again."""
        return self.problem.retry_after

    def message(self) -> str:
        return str(self.problem)


class BadRequestError(RefusedError):
    """What was asked for cannot be had so: correct it."""


class UnauthorizedError(RefusedError):
    """The key or token is missing, wrong, revoked or expired."""


class ForbiddenError(RefusedError):
    """The caller may not, or must solve a challenge first."""


class NotFoundError(RefusedError):
    """There is no such model, version, job or webhook for this caller."""


class ConflictError(RefusedError):
    """Its state forbids it."""


class JobCanceledError(ConflictError):
    """The job was called off and has no result."""


class JobExpiredError(RefusedError):
    """The job did not start in time, or its result's time is over."""


class JobErasedError(RefusedError):
    """The job's data was erased, as somebody asked."""


class JobFailedError(RefusedError):
    """The job failed; `failure` says why."""

    @property
    def failure(self) -> Mapping[str, Any]:
        """`code` (`types.FailureCode`), `detail` and `job_id`; empty where nothing is said."""
        return self.problem.failure or {}


class RateLimitedError(RefusedError):
    """A limit is reached: come back after `retry_after` seconds."""

    @property
    def violated_policies(self) -> tuple[str, ...]:
        """The limits that refused."""
        return self.problem.violated_policies


class UnavailableError(RefusedError):
    """The service cannot at the moment: ask again."""


_BY_STATUS: dict[int, type[RefusedError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: JobExpiredError,
    424: JobFailedError,
    429: RateLimitedError,
}

# What shares its status with something else.
_BY_CODE: dict[str, type[RefusedError]] = {"job-canceled": JobCanceledError, "job-erased": JobErasedError}


def refusal(problem: Problem) -> RefusedError:
    """The error that a problem is."""
    if (kind := _BY_CODE.get(problem.code)) is not None:
        return kind(problem)
    default = UnavailableError if problem.status >= 500 else BadRequestError
    return _BY_STATUS.get(problem.status, default)(problem)


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _texts(said: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = said.get(name)
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()
