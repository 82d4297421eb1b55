"""When to ask again. No clock and no chance in here: both are arguments."""

from __future__ import annotations

import email.utils
import enum
from dataclasses import dataclass

from .errors import ForebayError, RefusedError, UnansweredError

# More digits than fit are simply a long wait.
LONGEST_NAMED_S = float(2**32 - 1)


class Repeat(enum.Enum):
    """Whether doing it twice is the same as doing it once."""

    HARMLESS = enum.auto()
    """It is: also after a connection broke and nobody knows what was done."""
    AFTER_REFUSAL = enum.auto()
    """It is not: only after a refusal that says that nothing was done."""


@dataclass(frozen=True)
class Retry:
    """How long and how often to ask again, in seconds."""

    patience: float = 60.0
    """The most that one call waits before it asks again, all its pauses together; 0 never asks again."""
    first_pause: float = 0.25
    """The first pause where the service names none; each one after is twice as long."""
    longest_pause: float = 10.0
    """The longest pause where the service names none."""

    def pause(self, tried: int, waited: float, named: float | None, random: float) -> float | None:
        """The pause before the next try; None when this was the last. `random` lies from 0 up to 1.

        A pause that the service named is never made shorter. Others are spread over their upper half.
        """
        if named is not None:
            pause = named + min(max(named / 10, 0.05), 5.0) * random
        else:
            doubled = self.first_pause * 2 ** min(tried, 16)
            pause = min(doubled, self.longest_pause) * (0.5 + random / 2)
        return pause if self.patience > 0 and waited + pause <= self.patience else None


class Backoff:
    """The tries of one call, or of one connection that is made again and again, since it last went well."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._tried, self._waited = 0, 0.0

    def reset(self) -> None:
        """It went well: the next pause is the first again, and patience begins anew."""
        self._tried, self._waited = 0, 0.0

    def next(self, error: ForebayError, repeat: Repeat, random: float) -> float:
        """The pause before the next try. The error is raised where it will not pass, or where patience has ended."""
        named = error.retry_after if isinstance(error, RefusedError) else None
        pause = self._retry.pause(self._tried, self._waited, named, random)
        if pause is None or not is_transient(error, repeat):
            raise error
        self._tried, self._waited = self._tried + 1, self._waited + pause
        return pause


def is_transient(error: ForebayError, repeat: Repeat) -> bool:
    """Whether it is worth asking again."""
    harmless = repeat is Repeat.HARMLESS
    if isinstance(error, RefusedError):
        if error.retryable is False:
            return False
        if error.status in (429, 503):
            return True
        if error.retryable is True:
            return harmless
        return harmless and error.status in (408, 425, 500, 502, 504)
    return harmless and isinstance(error, UnansweredError)


def retry_after(field: str | None, now: float) -> float | None:
    """Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date. `now` is seconds since the epoch."""
    field = (field or "").strip()
    if field.isascii() and field.isdigit():
        return float(field) if len(field) < 11 else LONGEST_NAMED_S
    try:
        date = email.utils.parsedate_to_datetime(field).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(date - now, 0.0), LONGEST_NAMED_S)
