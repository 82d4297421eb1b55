"""Whom to ask, as whom, and how patiently."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ._retry import Retry
from .errors import ForebayError, InvalidInputError

# How long one waits for a job unless it is said, in seconds.
WAIT = 600.0


def _unheard(_: ForebayError | None) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Settings:
    """What every call of a client shares."""

    base: str
    """The service's address without its last slash."""
    key: str = field(repr=False)
    """The API key or token; empty for a caller without credentials."""
    retry: Retry = field(default_factory=Retry)
    idle_timeout: float = 30.0
    """Seconds for which nothing may move, besides what the service is asked to hold back."""
    observe: Callable[[ForebayError | None], None] = _unheard
    """Hears how every exchange went: the error, or None."""
    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random

    @property
    def host(self) -> str:
        return urlsplit(self.base).netloc.rpartition("@")[2]

    @property
    def headers(self) -> dict[str, str]:
        """The fields of every request."""
        # An answer that is not compressed is as long as it says.
        fields = {"accept-encoding": "identity", "user-agent": "forebay-python/0.1.0"}
        if self.key:
            fields["authorization"] = f"Bearer {self.key}"
        return fields


def settings(
    url: str | None, key: str | None, retry: Retry | None, idle_timeout: float, environment: Mapping[str, str]
) -> Settings:
    """What is given, else what the environment says: `FOREBAY_URL`, `FOREBAY_KEY` or `FOREBAY_KEY_FILE`.

    Who names a service names its key too: one of the environment stays at the environment's service.
    """
    if key is None and (url is None or url == environment.get("FOREBAY_URL")):
        key = environment.get("FOREBAY_KEY") or _key_file(environment.get("FOREBAY_KEY_FILE"))
    url = url if url is not None else environment.get("FOREBAY_URL", "")
    return Settings(_base(url), _key(key or ""), retry or Retry(), idle_timeout)


def from_environment() -> Mapping[str, str]:
    return os.environ


def _key_file(path: str | None) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"FOREBAY_KEY_FILE cannot be read: {error}") from error


def _base(url: str) -> str:
    url = url.strip().rstrip("/")
    advice = f"{url!r} is no address of a service; write https://HOST, or set FOREBAY_URL"
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine or any(character.isspace() for character in url) or parts.query or parts.fragment:
        raise InvalidInputError(advice)
    return url


def _key(key: str) -> str:
    key = key.strip()
    if not all(33 <= ord(character) < 127 for character in key):
        # It is not shown.
        raise InvalidInputError("the key may hold printable ASCII alone")
    return key
