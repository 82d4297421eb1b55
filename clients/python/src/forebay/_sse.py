"""Server-sent events (HTML Living Standard §9.2.6), as far as job events need them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import ForeignAnswerError

# The longest event, in bytes; more is not kept.
LONGEST_EVENT = 1 << 20
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")


@dataclass(frozen=True)
class SseEvent:
    """One event of a stream."""

    id: str | None
    event: str
    data: str


class SseReader:
    """Reads a stream piece by piece."""

    def __init__(self) -> None:
        self._rest = b""
        self._begin()

    def _begin(self) -> None:
        self._id: str | None = None
        self._event = ""
        self._data: list[str] = []
        self._size = 0

    def read(self, piece: bytes) -> Iterator[SseEvent]:
        """The events that `piece` completes."""
        # A CR at the very end may be the half of a CRLF: it waits.
        *lines, self._rest = _LINE_END.split(self._rest + piece)
        for line in lines:
            if (event := self._line(line.decode("utf-8", "replace"))) is not None:
                yield event
        if max(len(self._rest), self._size) > LONGEST_EVENT:
            raise ForeignAnswerError(f"an event is longer than {LONGEST_EVENT >> 20} MB: no job makes such")

    def _line(self, line: str) -> SseEvent | None:
        if not line:
            event = SseEvent(self._id, self._event, "\n".join(self._data)) if self._data else None
            self._begin()
            return event
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(value) + 1
            if self._size > LONGEST_EVENT:
                raise ForeignAnswerError(f"an event is longer than {LONGEST_EVENT >> 20} MB: no job makes such")
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        # Else a comment, `retry`, or news.
        return None
