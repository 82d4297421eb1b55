"""What is to be done, as data. A flow decides and yields effects; a driver, waiting or asynchronous, has them happen.

So what the client does is written once: whether a thread or an event loop waits meanwhile is the driver's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from ._retry import Repeat

T = TypeVar("T")


class Sink(Protocol):
    """Takes the body of an answer, piece by piece. Each of these may block."""

    def begin(self) -> None:
        """What came before was of a try that broke off."""

    def write(self, piece: bytes) -> object:
        """The next piece."""


@dataclass(frozen=True)
class Request:
    """One request to the service."""

    method: str
    path: str
    """Below the service's address, with its query."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    held: float = 0.0
    """Seconds for which the service is asked to hold its answer back."""
    repeat: Repeat = Repeat.HARMLESS
    sink: Sink | None = None
    """Where the body of a 200 goes, rather than into memory."""


@dataclass(frozen=True)
class Reply:
    """An answer of 2xx."""

    status: int
    headers: Mapping[str, str]
    """By their names in small letters."""
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Send:
    """Send it and give the Reply; a refusal is an error."""

    request: Request


@dataclass(frozen=True)
class Sleep:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True)
class Work:
    """Call it and give what it returns. It may block: it reads a file, or encodes a picture."""

    function: Callable[[], Any]


Effect: TypeAlias = Send | Sleep | Work
Flow: TypeAlias = Generator[Effect, Any, T]


def send(request: Request) -> Flow[Reply]:
    reply: Reply = yield Send(request)
    return reply


def sleep(seconds: float) -> Flow[None]:
    if seconds > 0:
        yield Sleep(seconds)


def work(function: Callable[[], T]) -> Flow[T]:
    done: T = yield Work(function)
    return done
