"""What a model is given, of whatever is at hand: as a text, as numbers, or as bytes that say what they are.

Arrays and pictures are known by what they can do, so neither numpy nor Pillow need be there.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias, runtime_checkable

from . import _sniff
from .errors import InvalidInputError

# More than any service takes: Cloudflare ends requests at 100 MB on most plans.
# https://developers.cloudflare.com/workers/platform/limits/#request-limits
MOST_BYTES = 100_000_000


@runtime_checkable
class Array(Protocol):
    """An array of numpy, torch or their like."""

    @property
    def shape(self) -> Any: ...

    def tolist(self) -> Any: ...


@runtime_checkable
class Picture(Protocol):
    """A picture of Pillow."""

    @property
    def mode(self) -> str: ...

    def save(self, fp: Any, format: str | None = None) -> None: ...  # noqa: A002


Input: TypeAlias = str | Path | bytes | bytearray | memoryview | IO[bytes] | Array | Picture | Sequence[Any] | None
"""A text; a file by its `Path`; its bytes; an open file; an array or nested lists of numbers; a picture; nothing."""


@dataclass(frozen=True)
class Text:
    """UTF-8 text."""

    text: str = field(repr=False)


@dataclass(frozen=True)
class Tensor:
    """Numbers in nested lists."""

    numbers: Any = field(repr=False)


@dataclass(frozen=True)
class Bytes:
    """A picture, a sound or whatever the media type says."""

    media_type: str
    content: bytes = field(repr=False)


Payload: TypeAlias = Text | Tensor | Bytes | None


def payload(given: Input, media_type: str | None = None) -> Payload:
    """What is sent for what is given. It may read a file or encode a picture, and so takes its time."""
    if given is None:
        return None
    if isinstance(given, str):
        return Text(given) if media_type in (None, "text/plain") else _of_bytes(given.encode(), media_type)
    if isinstance(given, Path):
        return _of_bytes(_file(given), media_type, given)
    if isinstance(given, (bytes, bytearray)):
        return _of_bytes(bytes(given), media_type)
    if isinstance(given, memoryview):
        # Of bytes it is a file's content, of numbers it is an array.
        plain = given.format in ("B", "b", "c") and given.ndim == 1
        return _of_bytes(bytes(given), media_type) if plain else Tensor(given.tolist())
    if isinstance(given, Picture):
        return Bytes("image/png", _png(given))
    if isinstance(given, Array):
        return Tensor(_listed(given))
    if callable(read := getattr(given, "read", None)):
        return _of_bytes(_read(read), media_type)
    if callable(getattr(given, "tolist", None)) or isinstance(given, Sequence):
        return Tensor(_listed(given))
    raise InvalidInputError(f"a {type(given).__name__} is no input: give a text, a Path, bytes, an array or a picture")


def _listed(given: Any) -> Any:
    """Nested lists, of arrays and of lists of arrays."""
    if callable(tolist := getattr(given, "tolist", None)):
        return tolist()
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes, bytearray)):
        return [_listed(item) for item in given]
    return given


def _of_bytes(content: bytes, media_type: str | None, path: Path | None = None) -> Payload:
    if len(content) > MOST_BYTES:
        raise InvalidInputError(f"{len(content)} bytes are more than any service takes ({MOST_BYTES})")
    if media_type is not None:
        return Bytes(media_type, content)
    if kind := _sniff.media_type(content):
        return Bytes(kind, content)
    if path is not None and path.suffix.lower() == ".json":
        return Bytes("application/json", content)
    try:
        return Text(content.decode("utf-8"))
    except UnicodeDecodeError:
        what = f"{path}: " if path is not None else ""
        raise InvalidInputError(f"{what}neither a picture, a sound nor a text: say media_type=…") from None


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _read(file.read)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror or error}") from error


def _read(read: Any) -> bytes:
    content = read(MOST_BYTES + 1)
    if isinstance(content, str):
        return content.encode()
    if not isinstance(content, bytes):
        raise InvalidInputError("the file gives neither bytes nor text")
    return content


def _png(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    try:
        picture.save(buffer, format="PNG")
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"the picture cannot be written as PNG: {error}; convert it to RGB") from error
    return buffer.getvalue()


def to_json(value: Any) -> bytes:
    """JSON as the service reads it: no NaN, no infinity."""
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInputError(f"this cannot be written as JSON: {error}") from error
