"""Checks that a webhook's message comes from the service, by Standard Webhooks 1.0 (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import cast

from . import types
from .errors import ForebayError

__all__ = ["WebhookError", "verify"]

# How far the sender's clock may be from ours, in seconds.
TOLERANCE = 300.0
# The service's messages have less than a thousand bytes.
LONGEST = 1 << 20


class WebhookError(ForebayError):
    """The message is not to be believed: answer it with 400, and do nothing."""


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | Iterable[str],
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> types.WebhookMessage:
    """The message, once its signature is right.

    `body` is the request's body as it came, not read and written again. `secret` is `whsec_…`, as it was shown when the
    webhook was made; of several, such as before and after a rotation, any may be right. Deliveries may come twice: drop
    those whose `webhook-id` you have seen.
    """
    content = body.encode("utf-8", "replace") if isinstance(body, str) else body
    if len(content) > LONGEST:
        raise WebhookError("the message is too long to be the service's")
    fields = {name.lower(): value for name, value in headers.items()}
    delivery, moment, given = (_field(fields, f"webhook-{name}") for name in ("id", "timestamp", "signature"))
    if not (moment.isascii() and moment.isdigit() and len(moment) < 16):
        raise WebhookError("webhook-timestamp is no number of seconds")
    if abs((time.time() if now is None else now) - int(moment)) > tolerance:
        raise WebhookError("the message is too old, or a clock is wrong")

    signed = f"{delivery}.{moment}.".encode("utf-8", "replace") + content
    secrets = [secret] if isinstance(secret, str) else list(secret)
    expected = [hmac.digest(_key(one), signed, hashlib.sha256) for one in secrets]
    # `v1a` is Ed25519, which the standard library has not; each message has a `v1` too.
    found = [_decoded(part[3:]) for part in given.split(" ")[:20] if part.startswith("v1,")]
    # Each pair takes the same time, whatever it holds.
    if not any(hmac.compare_digest(one, other) for one in expected for other in found):
        raise WebhookError("the signature is not of this secret")
    try:
        message = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise WebhookError("the message is no JSON") from error
    if not isinstance(message, dict):
        raise WebhookError("the message is none of the service's")
    return cast(types.WebhookMessage, message)


def _field(fields: Mapping[str, str], name: str) -> str:
    if not (value := fields.get(name, "")):
        raise WebhookError(f"{name} is missing")
    return value


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        # It is not shown.
        raise ValueError("the secret is none: it looks like whsec_…")
    return key


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return b""
