"""A message is believed when its signature is right, and not otherwise."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unittest

import properties  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st

from forebay import webhooks

# The example of the specification's libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
NOW = 1614265330
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(NOW),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


class Messages(unittest.TestCase):
    def test_the_specifications_example_is_believed(self) -> None:
        self.assertEqual(webhooks.verify(BODY, HEADERS, SECRET, now=NOW), {"test": 2432232314})
        named_otherwise = {name.title(): value for name, value in HEADERS.items()}
        self.assertTrue(webhooks.verify(BODY.decode(), named_otherwise, SECRET, now=NOW + 299))

    def test_of_several_secrets_and_signatures_one_pair_is_enough(self) -> None:
        signature = f"v1a,AAAA v1,AAAA {HEADERS['webhook-signature']} v2,x"
        secrets = ["whsec_" + base64.b64encode(b"another").decode(), SECRET]
        self.assertTrue(webhooks.verify(BODY, {**HEADERS, "webhook-signature": signature}, secrets, now=NOW))

    def test_whatever_else_is_not(self) -> None:
        changes: list[tuple[bytes, dict[str, str], float]] = [
            (BODY + b" ", {}, 0),
            (BODY, {"webhook-id": "msg_other"}, 0),
            (BODY, {"webhook-timestamp": str(NOW + 1)}, 0),
            (BODY, {"webhook-timestamp": "-1"}, 0),
            (BODY, {"webhook-timestamp": "٣"}, 0),
            (BODY, {"webhook-timestamp": "9" * 5000}, 0),
            (BODY, {"webhook-signature": HEADERS["webhook-signature"].replace("v1,", "v1a,")}, 0),
            (BODY, {"webhook-signature": "v1,"}, 0),
            (BODY, {"webhook-signature": "v1,ä"}, 0),
            (BODY, {"webhook-id": ""}, 0),
            (BODY, {}, 301),
            (BODY, {}, -301),
            (b"x" * (2 << 20), {}, 0),
        ]
        for body, fields, late in changes:
            with self.assertRaises(webhooks.WebhookError):
                webhooks.verify(body, {**HEADERS, **fields}, SECRET, now=NOW + late)
        with self.assertRaises(webhooks.WebhookError):
            webhooks.verify(BODY, HEADERS, [], now=NOW)

    def test_a_secret_that_is_none_is_the_callers_mistake_and_is_not_shown(self) -> None:
        for secret in ["", "whsec_", "whsec_hidden!"]:
            with self.assertRaises(ValueError) as raised:
                webhooks.verify(BODY, HEADERS, secret, now=NOW)
            self.assertNotIn("hidden", str(raised.exception))

    @given(st.binary(max_size=50), st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
    def test_foreign_bytes_are_refused_without_harm(self, body: bytes, delivery: str, moment: str, given_: str) -> None:
        fields = {"webhook-id": delivery, "webhook-timestamp": moment, "webhook-signature": given_}
        with self.assertRaises(webhooks.WebhookError):
            webhooks.verify(body, fields, SECRET, now=NOW)

    @given(st.binary(max_size=50))
    def test_a_signed_body_that_is_no_message_is_refused(self, body: bytes) -> None:
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        digest = hmac.digest(key, f"msg_1.{NOW}.".encode() + body, hashlib.sha256)
        signature = f"v1,{base64.b64encode(digest).decode()}"
        fields = {"webhook-id": "msg_1", "webhook-timestamp": str(NOW), "webhook-signature": signature}
        with self.assertRaisesRegex(webhooks.WebhookError, "message is no"):
            webhooks.verify(body, fields, SECRET, now=NOW)
