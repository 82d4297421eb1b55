"""How many inputs may be under way, and when the next may go. No clock in here."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from .errors import ForebayError, RefusedError

T = TypeVar("T")

# Where it begins.
FIRST = 4


class Pace:
    """Begins with a few, grows while all goes well, halves when the service says 429 or 503, and rests as it says.

    Threads share it; nothing is waited for while its lock is held.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = min(FIRST, most)
        self._until = float("-inf")
        self._lock = threading.Lock()

    @property
    def allowed(self) -> int:
        """How many may be under way."""
        return self._allowed

    def heard(self, error: ForebayError | None, now: float) -> None:
        """How an exchange went."""
        with self._lock:
            if error is None:
                self._allowed = min(self._allowed + 1, self._most)
            elif isinstance(error, RefusedError) and error.status in (429, 503):
                # Those that were under way together are refused together: that is one refusal.
                if now >= self._until:
                    self._allowed = max(self._allowed // 2, 1)
                self._until = max(self._until, now + (error.retry_after or 0.0))

    def rest(self, now: float) -> float:
        """Seconds until the next submission may go."""
        return max(self._until - now, 0.0)


class Line(Generic[T]):
    """Those under way, and those that are done and have not been given out: a bounded number."""

    def __init__(self, most: int, *, in_order: bool) -> None:
        # In order, one slow input does not stop the others at once.
        self._most = most * 4 if in_order else most
        self._in_order = in_order
        self._running: set[int] = set()
        self._done: dict[int, T] = {}
        self._next_out = self._next_in = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._running

    def has_room(self, allowed: int) -> bool:
        """Whether another input may begin."""
        return len(self._running) < allowed and len(self._running) + len(self._done) < self._most

    def begin(self) -> int:
        """Another input begins: its place."""
        place = self._next_in
        self._next_in += 1
        self._running.add(place)
        return place

    def end(self, place: int, outcome: T) -> None:
        """One has its outcome."""
        self._running.remove(place)
        self._done[place] = outcome

    def out(self) -> list[T]:
        """What can be given out, once."""
        if not self._in_order:
            outcomes = list(self._done.values())
            self._done.clear()
            return outcomes
        outcomes = []
        while self._next_out in self._done:
            outcomes.append(self._done.pop(self._next_out))
            self._next_out += 1
        return outcomes
