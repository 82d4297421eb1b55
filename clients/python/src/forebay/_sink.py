"""A file that is there whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import BinaryIO

from .errors import InvalidInputError


class FileSink:
    """Writes beside the file, and puts it in its place at the end. Every method may block."""

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            raise InvalidInputError(f"{path} is a folder: name the file")
        self.path = path
        self._part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
        try:
            self._file: BinaryIO = self._part.open("xb")
        except OSError as error:
            raise InvalidInputError(f"{path} cannot be written: {error.strerror or error}") from error

    def begin(self) -> None:
        """What came before was of a try that broke off."""
        self._file.seek(0)
        self._file.truncate()

    def write(self, piece: bytes) -> object:
        return self._file.write(piece)

    def keep(self) -> Path:
        """It is whole: it takes its place, and what was there before is gone."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self.path)
        return self.path

    def drop(self) -> None:
        """It is not; nothing stays. Once it has been kept, this does nothing."""
        self._file.close()
        self._part.unlink(missing_ok=True)
