"""What goes wrong is asked again where it may pass, and else said with all its fields."""

from __future__ import annotations

from typing import Any

import clients
import played

import forebay


class Faults(clients.Service):
    """Each kind of client runs these."""

    def test_what_may_pass_is_asked_again_under_the_same_key(self) -> None:
        for act in [
            played.refuse(429, "rate-limited", "0"),
            played.refuse(503, "lane-full"),
            played.refuse(409, "idempotency-in-progress"),
            played.garbage(502, b"<html>"),
            played.drop,
            played.do_and_drop,
        ]:
            self.service.fault("POST", "/v1/jobs", act)
            before = len(self.service.seen)
            job = self.client.submit("m", "a")
            keys = {seen.headers["idempotency-key"] for seen in self.service.seen[before:]}
            self.assertEqual((len(self.service.seen) - before, len(keys)), (2, 1))
            self.assertEqual(job.wait().status, "succeeded")
        self.assertEqual(len(self.service.jobs), 6)

    def test_nobody_comes_before_retry_after(self) -> None:
        self.service.fault("POST", "/v1/jobs", played.refuse(429, "rate-limited", "1"))
        self.client.submit("m", "a")
        first, second = self.service.asked("POST", "/v1/jobs")
        self.assertGreaterEqual(second.at - first.at, 1.0)

    def test_patience_with_refusals_ends_and_the_error_says_all(self) -> None:
        self.service.fault("POST", "/v1/jobs", played.refuse(429, "rate-limited", "3600"))
        with self.assertRaises(forebay.RateLimitedError) as raised:
            self.client.submit("m", "a", idempotency_key="mine")
        error = raised.exception
        self.assertEqual((error.status, error.code, error.retry_after), (429, "rate-limited", 3600))
        self.assertEqual((error.retryable, error.request_id, error.idempotency_key), (True, "r1", "mine"))
        self.assertEqual(len(self.service.seen), 1)
        text = "A limit is reached: what to do about rate-limited (rate-limited, request r1)"
        self.assertEqual(str(error), text)

    def test_what_will_not_pass_is_not_asked_again(self) -> None:
        cases: list[tuple[Any, type[forebay.ForebayError]]] = [
            (played.refuse(400, "malformed-json"), forebay.BadRequestError),
            (played.refuse(403, "challenge-required"), forebay.ForbiddenError),
            (played.refuse(404, "model-not-found"), forebay.NotFoundError),
            (played.refuse(422, "invalid-field"), forebay.BadRequestError),
            (played.refuse(500, "internal"), forebay.UnavailableError),
            (played.garbage(200, b"<html>hello"), forebay.ForeignAnswerError),
            (played.garbage(200, b'{"id":"../x","status":"queued"}'), forebay.ForeignAnswerError),
            (played.garbage(200, b"[" * 100_000), forebay.ForeignAnswerError),
            (played.garbage(418, b"\x1b[2J"), forebay.BadRequestError),
        ]
        for act, kind in cases:
            self.service.fault("POST", "/v1/jobs", act)
            before = len(self.service.seen)
            with self.assertRaises(kind) as raised:
                self.client.submit("m", "a")
            self.assertEqual(len(self.service.seen) - before, 1)
            self.assertTrue(str(raised.exception).isprintable())
            self.assertIsNotNone(raised.exception.idempotency_key)

    def test_a_wrong_key_is_refused_and_no_key_is_shown(self) -> None:
        client = self.make(key="fb_other")
        with self.assertRaises(forebay.UnauthorizedError) as raised:
            client.quota()
        shown = f"{raised.exception!r} {raised.exception} {client!r} {vars(raised.exception)}"
        self.assertNotIn("fb_other", shown)
        with self.assertRaises(forebay.InvalidInputError) as invalid:
            self.make(key="fb_\nx")
        self.assertNotIn("fb_", str(invalid.exception))

    def test_a_redirect_is_not_followed(self) -> None:
        def act(handler: played.Handler, _: played.Seen) -> None:
            handler.send(307, b"", {"location": "https://elsewhere.example/v1/jobs"})

        self.service.fault("POST", "/v1/jobs", act)
        with self.assertRaisesRegex(forebay.ForeignAnswerError, "elsewhere.example"):
            self.client.submit("m", "a")
        self.assertEqual(len(self.service.seen), 1)

    def test_silence_is_an_error_that_passes_but_a_held_answer_is_none(self) -> None:
        client = self.make(idle_timeout=0.2, retry=forebay.Retry(patience=0))
        known = self.service.add()
        self.service.fault("GET", known.id, played.after(0.6))
        with self.assertRaisesRegex(forebay.UnansweredError, "in time"):
            client.job(known.id).refresh()
        # The service was asked to hold this one back for longer than that.
        self.service.fault("GET", known.id, played.after(0.6))
        self.assertEqual(client.job(known.id).wait(timeout=5).status, "succeeded")

    def test_nobody_there_is_unanswered(self) -> None:
        client = self.make(url="http://127.0.0.1:9", retry=forebay.Retry(patience=0.02, first_pause=0.01))
        with self.assertRaisesRegex(forebay.UnansweredError, "127.0.0.1:9"):
            client.quota()


class WithThreads(Faults, clients.WithThreads):
    """Threads wait."""


class WithAnEventLoop(Faults, clients.WithAnEventLoop):
    """An event loop goes on."""


del Faults
