"""Which submission became which job, in a file: what was interrupted goes on where it was.

A line a fact, in JSON. The first holds a random number that the idempotency keys are made from, so that a job whose
acceptance was not written down is accepted once all the same. Inputs are named by their digest: nothing of them is
kept.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from ._submission import is_job_id
from .errors import InvalidInputError

if sys.platform != "win32":
    import fcntl

VERSION = 1


class Journal:
    """What a file says, and what is added to it. Without a file it lasts as long as the program.

    Every method but `job` may block. What it holds in memory is a key and an id for each job.
    """

    def __init__(self, path: Path | None) -> None:
        self.salt = secrets.token_hex(16)
        self._jobs: dict[str, tuple[str, int]] = {}
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        if path is None:
            return
        try:
            self._file = path.open("a+b")
        except OSError as error:
            raise InvalidInputError(f"{path} cannot be written: {error.strerror or error}") from error
        try:
            self._take(path, self._file)
        except BaseException:
            self._file.close()
            raise

    def _take(self, path: Path, file: BinaryIO) -> None:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise InvalidInputError(f"{path} is in use by another program") from error
        file.seek(0)
        whole = self._read(path, file)
        # The rest is of a line that was cut off by a kill: what it would have said is found out again.
        file.truncate(whole)
        if whole == 0:
            self._append({"forebay-map": VERSION, "salt": self.salt})

    def _read(self, path: Path, lines: Iterable[bytes]) -> int:
        """Reads the whole lines, and says how many bytes they are."""
        size = 0
        for line in lines:
            if not line.endswith(b"\n"):
                break
            try:
                fact = json.loads(line)
            except (ValueError, RecursionError):
                fact = None
            if size == 0:
                salt = fact.get("salt") if isinstance(fact, dict) else None
                if not isinstance(salt, str) or fact.get("forebay-map") != VERSION:
                    raise InvalidInputError(f"{path} is no journal of map: name another file")
                self.salt = salt
            elif isinstance(fact, dict):
                self._learn(fact)
            size += len(line)
        return size

    def _learn(self, fact: dict[str, Any]) -> None:
        key, job, attempt = fact.get("key"), fact.get("job"), fact.get("attempt")
        if isinstance(key, str) and isinstance(job, str) and is_job_id(job) and isinstance(attempt, int):
            self._jobs[key] = (job, attempt)

    def job(self, key: str) -> tuple[str, int] | None:
        """The last job of this key, and which attempt it was."""
        return self._jobs.get(key)

    def accepted(self, key: str, job: str, attempt: int) -> None:
        """A submission became a job."""
        with self._lock:
            self._jobs[key] = (job, attempt)
            if self._file is not None and not self._file.closed:
                self._append({"key": key, "job": job, "attempt": attempt})

    def _append(self, fact: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(fact).encode() + b"\n")
            self._file.flush()

    def close(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()
