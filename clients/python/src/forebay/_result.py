"""What a job made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .errors import ForeignAnswerError


@dataclass(frozen=True)
class Result:
    """What a job made, in its own media type."""

    media_type: str
    """Such as `application/json` or `image/png`."""
    content: bytes = field(repr=False)
    """The content, as the service keeps it."""

    def json(self) -> Any:
        """The content, where it is JSON."""
        if self.media_type != "application/json":
            raise TypeError(f"the result is {self.media_type}, not JSON: use .content")
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise ForeignAnswerError(f"the result is no JSON: {error}") from error

    def __repr__(self) -> str:
        return f"<Result {self.media_type}, {len(self.content)} bytes>"
