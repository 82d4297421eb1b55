"""What both drivers know of HTTP: a request in httpx's words, an answer's bounds, and httpx's errors in ours."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypedDict

import httpx

from ._effects import Reply, Request, Sink
from ._retry import retry_after
from ._settings import Settings
from .errors import ForebayError, ForeignAnswerError, InvalidInputError, Problem, UnansweredError, refusal

# The most of an answer that is read into memory, in bytes; larger results go into files.
MOST_READ = 64 << 20
# The most of a refusal.
MOST_REFUSED = 1 << 16
# What moves may take so many seconds; an answer that drips forever is none.
LONGEST = 3600.0
CONNECT = 10.0


class Arguments(TypedDict):
    """What httpx is asked with."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes | None
    timeout: httpx.Timeout


def arguments(settings: Settings, request: Request) -> Arguments:
    """A request as httpx takes it. Its patience is longer than the service holds the answer back."""
    idle = settings.idle_timeout
    silence = idle + request.held
    return {
        "method": request.method,
        "url": settings.base + request.path,
        "headers": {**settings.headers, **request.headers},
        # A POST without a body says so.
        "content": request.body if request.body or request.method == "POST" else None,
        "timeout": httpx.Timeout(connect=min(idle, CONNECT), read=silence, write=idle, pool=LONGEST),
    }


class Reading:
    """An answer as it comes."""

    def __init__(self, settings: Settings, request: Request, response: httpx.Response) -> None:
        self._settings, self._response = settings, response
        self._until = settings.clock() + LONGEST
        self._is_fine = response.is_success
        self._most = MOST_READ if self._is_fine else MOST_REFUSED
        self._memory = bytearray()
        self.sink: Sink | None = request.sink if response.status_code == 200 else None
        """Where the pieces go; its methods may block."""

    def take(self, piece: bytes) -> bool:
        """The next piece, for memory. False where no more is read."""
        if self._settings.clock() > self._until:
            raise UnansweredError(f"an exchange with {self._settings.host} took longer than an hour")
        if self.sink is not None:
            return True
        self._memory += piece[: self._most + 1 - len(self._memory)]
        if len(self._memory) <= self._most:
            return True
        if self._is_fine:
            # It is no smaller when it is asked for again.
            most = f"{MOST_READ >> 20} MB"
            raise ForeignAnswerError(f"the answer of {self._settings.host} is larger than {most}: save() has no bound")
        return False

    def reply(self) -> Reply:
        """The whole answer. A refusal is raised."""
        response = self._response
        if self._is_fine:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status_code, headers, bytes(self._memory))
        raise refused(self._settings, response, bytes(self._memory))


def refused(settings: Settings, response: httpx.Response, body: bytes) -> ForebayError:
    """What an answer that is no success says."""
    location = response.headers.get("location")
    if response.is_redirect and location:
        # It would take the key along.
        advice = f"{settings.host} redirects to {location[:200]!r}: set the client's url to where it leads"
        return ForeignAnswerError(advice)
    seconds = retry_after(response.headers.get("retry-after"), time.time())
    request_id = response.headers.get("x-request-id", "")
    return refusal(Problem.read(response.status_code, body[:MOST_REFUSED], seconds, request_id))


@contextmanager
def answering(settings: Settings) -> Iterator[None]:
    """httpx's errors in the client's words."""
    host = settings.host
    try:
        yield
    except httpx.TimeoutException as error:
        raise UnansweredError(f"{host} did not answer in time ({_name(error)})") from error
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
        raise InvalidInputError(f"this cannot be sent to {host}: {error}") from error
    except httpx.DecodingError as error:
        raise ForeignAnswerError(f"the answer of {host} cannot be read: {error}") from error
    except httpx.HTTPError as error:
        raise UnansweredError(f"{host} does not answer: {error or _name(error)}") from error


def _name(error: Exception) -> str:
    return type(error).__name__
