"""One job to be, and how it travels."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlencode

from . import types
from ._effects import Request
from ._inputs import MOST_BYTES, Bytes, Payload, Tensor, Text, to_json
from .errors import InvalidInputError

_KEY = re.compile(r"[!#-+\--\[\]-~]{1,255}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True)
class Options:
    """What a submission says besides its input."""

    parameters: Mapping[str, types.ParameterValue] = field(default_factory=dict)
    version: str | None = None
    deadline: datetime | None = None
    not_before: datetime | None = None
    strict: bool = False
    fresh: bool = False

    @property
    def moments(self) -> dict[str, int]:
        moments = {"deadline_ms": self.deadline, "not_before_ms": self.not_before}
        return {name: _milliseconds(name, moment) for name, moment in moments.items() if moment is not None}


@dataclass(frozen=True)
class Submission:
    """A model, what it is given, and how."""

    model: str
    payload: Payload
    options: Options

    def request(self, key: str, *, plan: bool = False) -> Request:
        """As it is submitted under this key, or planned. Bytes are their own body where the query can say the rest."""
        what = "plan" if plan else "jobs"
        headers = self._headers(key)
        if isinstance(self.payload, Bytes) and all(map(_fits_query, self.options.parameters.values())):
            path = f"/v1/models/{quote(self.model, safe='')}/{what}{self._query()}"
            return Request("POST", path, {**headers, "content-type": self.payload.media_type}, self.payload.content)
        headers["content-type"] = "application/json"
        body = to_json(self._json())
        if len(body) > MOST_BYTES:
            raise InvalidInputError(f"{len(body)} bytes of JSON are more than any service takes ({MOST_BYTES})")
        return Request("POST", f"/v1/{what}", headers, body)

    @staticmethod
    def digest(request: Request, salt: str) -> str:
        """A key that the same submission has again, and no other: of what it sends, not of its place among others."""
        parts = [salt, request.path, json.dumps(dict(request.headers), sort_keys=True)]
        digest = hashlib.sha256()
        for part in [*(part.encode() for part in parts), request.body]:
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()[:40]

    def _json(self) -> types.NewJob:
        job: types.NewJob = {"model": self.model}
        if (given := self._input()) is not None:
            job["input"] = given
        if self.options.parameters:
            job["parameters"] = dict(self.options.parameters)
        moments = self.options.moments
        if "deadline_ms" in moments:
            job["deadline_ms"] = moments["deadline_ms"]
        if "not_before_ms" in moments:
            job["not_before_ms"] = moments["not_before_ms"]
        return job

    def _input(self) -> types.NewInput | None:
        payload = self.payload
        if payload is None:
            return None
        if isinstance(payload, Text):
            return {"text": payload.text}
        if isinstance(payload, Tensor):
            numbers = payload.numbers
            return {"tensor": numbers if isinstance(numbers, list) else [numbers]}
        if payload.media_type.startswith("image/"):
            return {"image": base64.b64encode(payload.content).decode()}
        raise InvalidInputError(
            f"{payload.media_type} cannot travel beside a text parameter that looks like a number or a truth value"
        )

    def _query(self) -> str:
        pairs = [(f"p.{name}", _in_query(value)) for name, value in self.options.parameters.items()]
        query = urlencode([*pairs, *((name, str(moment)) for name, moment in self.options.moments.items())])
        return f"?{query}" if query else ""

    def _headers(self, key: str) -> dict[str, str]:
        headers = {
            "idempotency-key": key,
            "x-model-version": self.options.version or "",
            "prefer": "handling=strict" if self.options.strict else "",
            "cache-control": "no-cache" if self.options.fresh else "",
        }
        return {name: value for name, value in headers.items() if value}


def idempotency_key(key: str) -> str:
    """The key, where the service takes it."""
    if not _KEY.fullmatch(key):
        raise InvalidInputError(
            "an idempotency key is 1 to 255 visible ASCII characters without quotes and backslashes"
        )
    return key


def is_job_id(job: object) -> bool:
    return isinstance(job, str) and _ID.fullmatch(job) is not None


def job_id(job: str) -> str:
    """The id, which becomes a part of a path and cannot lead elsewhere."""
    if not is_job_id(job):
        raise InvalidInputError(f"{str(job)[:60]!r} is no job id: they look like job_06h02735b1oir…")
    return job


def _milliseconds(name: str, moment: datetime) -> int:
    if moment.tzinfo is None:
        raise InvalidInputError(f"{name.removesuffix('_ms')} has no time zone: datetime.now(timezone.utc) has one")
    return int(moment.timestamp() * 1000)


def _fits_query(value: object) -> bool:
    """Whether the service reads a parameter from the query as what it is: what looks like a number is one."""
    if isinstance(value, (bool, int, float)):
        return True
    if not isinstance(value, str):
        return False
    try:
        return not isinstance(json.loads(value), (bool, int, float))
    except (ValueError, RecursionError):
        return True


def _in_query(value: types.ParameterValue) -> str:
    return value if isinstance(value, str) else to_json(value).decode()
