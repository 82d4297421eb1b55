"""What a client does, with threads and with an event loop alike."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import unittest
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest import mock

import both
import played

import forebay

QUICK = forebay.Retry(patience=5, first_pause=0.01, longest_pause=0.05)


class Cases:
    """Out of the way of discovery: each kind of client runs them."""

    class Client(unittest.TestCase):
        def make(self, **options: Any) -> Any:
            raise NotImplementedError

        def setUp(self) -> None:
            self.service = played.Played()
            self.addCleanup(self.service.close)
            folder = tempfile.TemporaryDirectory()
            self.addCleanup(folder.cleanup)
            self.folder = Path(folder.name)
            # Nobody waits half a second between two looks at a job that a test plays.
            soon = mock.patch("forebay._calls.BETWEEN", 0.01)
            soon.start()
            self.addCleanup(soon.stop)
            self.client = self.make()

        # Jobs

        def test_a_job_is_submitted_waited_for_and_its_result_fetched(self) -> None:
            self.service.next = {"polls": 2}
            job = self.client.submit("m", "a text", parameters={"top_k": 3})
            self.assertEqual(job.status, "queued")
            self.assertEqual(job.wait().status, "succeeded")
            self.assertEqual(job.result().json(), {"ok": True})
            sent = self.service.asked("POST", "/v1/jobs")[0]
            self.assertEqual(sent.body, b'{"model":"m","input":{"text":"a text"},"parameters":{"top_k":3}}')
            self.assertRegex(sent.headers["idempotency-key"], "^[0-9a-f]{32}$")
            # It is held back by the service: not asked again and again.
            self.assertEqual(self.service.asked("GET", job.id)[0].query, {"wait": "30"})

        def test_run_does_it_all_and_bytes_are_their_own_body(self) -> None:
            png = b"\x89PNG\r\n\x1a\n..."
            (path := self.folder / "a.png").write_bytes(png)
            for given in [path, png, bytearray(png), memoryview(png), io.BytesIO(png)]:
                result = self.client.run("m", given, parameters={"k": 3, "style": "a&b"}, version="2", strict=True)
                self.assertEqual((result.media_type, result.content), ("application/json", b'{"ok":true}'))
                sent = self.service.asked("POST", "/v1/models/m/jobs")[-1]
                self.assertEqual((sent.body, sent.query), (png, {"p.k": "3", "p.style": "a&b"}))
                self.assertEqual(sent.headers["content-type"], "image/png")
                self.assertEqual(sent.headers["x-model-version"], "2")
                self.assertEqual(sent.headers["prefer"], "handling=strict")

        def test_moments_travel(self) -> None:
            moment = datetime(2026, 12, 1, tzinfo=timezone.utc)
            self.client.submit("m", "a", deadline=moment, not_before=moment, fresh=True)
            sent = self.service.asked("POST", "/v1/jobs")[0]
            self.assertIn(b'"deadline_ms":1796083200000,"not_before_ms":1796083200000', sent.body)
            self.assertEqual(sent.headers["cache-control"], "no-cache")
            with self.assertRaisesRegex(forebay.InvalidInputError, "time zone"):
                self.client.submit("m", "a", deadline=datetime(2026, 12, 1))

        def test_a_job_is_picked_up_by_its_id(self) -> None:
            known = self.service.add(polls=1)
            job = self.client.job(known.id)
            self.assertEqual((job.status, job.state, len(self.service.seen)), (None, None, 0))
            self.assertEqual(repr(job.refresh()).split()[1:], [known.id, "queued>"])
            self.assertEqual(job.wait().status, "succeeded")

        def test_an_id_cannot_lead_elsewhere(self) -> None:
            for job in ["../../internal/v1/keys", "a?b", "a b", "", "x" * 101]:
                with self.assertRaises(forebay.InvalidInputError):
                    self.client.job(job)

        def test_patience_ends_and_the_error_names_the_job(self) -> None:
            known = self.service.add(polls=10**6)
            job = self.client.job(known.id)
            with self.assertRaises(forebay.StillRunningError) as raised:
                job.wait(timeout=0.05)
            self.assertEqual((raised.exception.job_id, raised.exception.job["status"]), (known.id, "queued"))
            self.assertIn(known.id, str(raised.exception))
            with self.assertRaises(TimeoutError):
                job.result(timeout=0.0)

        def test_each_end_without_a_result_is_an_error_of_its_own(self) -> None:
            for ends, kind, code in [
                ("failed", forebay.JobFailedError, "job-failed"),
                ("canceled", forebay.JobCanceledError, "job-canceled"),
                ("expired", forebay.JobExpiredError, "job-expired"),
            ]:
                job = self.service.add(ends=ends)
                with self.assertRaises(kind) as refused:
                    self.client.job(job.id).result()
                error = refused.exception
                self.assertEqual((error.code, error.job_id, error.request_id), (code, job.id, "r1"))
                self.assertIn(job.id, str(error))
                with self.assertRaises(kind):
                    self.client.job(job.id).save(self.folder / "nothing")
            self.assertEqual(list(self.folder.iterdir()), [])
            failed = self.service.add(ends="failed")
            with self.assertRaises(forebay.JobFailedError) as raised:
                self.client.job(failed.id).result()
            self.assertEqual(raised.exception.failure["code"], "image-undecodable")
            self.assertIn("image-undecodable: send a whole one", str(raised.exception))

        def test_cancel_and_retry(self) -> None:
            job = self.client.job(self.service.add(polls=9).id)
            with self.assertRaises(forebay.ConflictError):
                job.retry()
            self.assertEqual(job.cancel(idempotency_key="k").status, "canceled")
            self.assertEqual(self.service.asked("POST", "/cancel")[0].headers["idempotency-key"], "k")
            # The answer is lost: it is one new job all the same.
            self.service.fault("POST", "/retry", played.do_and_drop)
            again = job.retry()
            self.assertEqual(again.state["retry_of"], job.id)
            self.assertEqual((len(self.service.jobs), again.wait().status), (2, "succeeded"))
            self.assertEqual(job.status, "canceled")

        def test_lists_go_on_to_their_end(self) -> None:
            made = [self.service.add().id for _ in range(5)]
            self.assertEqual([job.id for job in self.client.jobs(status="queued")], made[::-1])
            self.assertEqual(self.service.asked("GET", "/v1/jobs")[1].query["cursor"], made[3])
            self.assertEqual(self.client.models()["models"], [])
            self.assertEqual(self.client.quota()["plan"], "pro")
            self.assertEqual(self.client.plan("m", b"GIF89a")["cost_ms"], 7)
            self.assertEqual(self.service.asked("POST", "/v1/models/m/plan")[0].body, b"GIF89a")

        # Faults

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

        # Results

        def test_a_result_is_saved_whole_or_not_at_all(self) -> None:
            content = os.urandom(1 << 20)
            known = self.service.add(result=content, media_type="image/png")
            job = self.client.job(known.id)
            # It breaks off, after more than the whole has, and begins anew.
            self.service.fault("GET", "/result", played.cut(content * 3, 1 << 21))
            path = job.save(self.folder / "a.png")
            self.assertEqual((path.read_bytes(), list(self.folder.iterdir())), (content, [path]))
            with self.assertRaisesRegex(forebay.InvalidInputError, "folder"):
                job.save(self.folder)
            with self.assertRaisesRegex(forebay.InvalidInputError, "cannot be written"):
                job.save(self.folder / "no" / "such")

            client = self.make(retry=forebay.Retry(patience=0))
            self.service.fault("GET", "/result", played.cut(content, 1 << 19))
            with self.assertRaises(forebay.UnansweredError) as raised:
                client.job(known.id).save(path)
            self.assertEqual(raised.exception.job_id, known.id)
            # What was there before is there still.
            self.assertEqual((path.read_bytes(), list(self.folder.iterdir())), (content, [path]))

        def test_memory_is_bounded_and_a_file_is_not(self) -> None:
            known = self.service.add(result=b"x" * 5000)
            with mock.patch("forebay._exchange.MOST_READ", 4999):
                with self.assertRaisesRegex(forebay.ForeignAnswerError, "larger"):
                    self.client.job(known.id).result()
                self.assertEqual(self.client.job(known.id).save(self.folder / "x").stat().st_size, 5000)

        def test_a_refusal_is_read_so_far_and_no_further(self) -> None:
            self.service.fault("POST", "/v1/jobs", played.garbage(400, b"x" * 10_000_000))
            with self.assertRaises(forebay.BadRequestError) as raised:
                self.client.submit("m", "a")
            self.assertLess(len(str(raised.exception)), 300)

        def test_a_result_that_is_no_json_says_so(self) -> None:
            known = self.service.add(result=b"png", media_type="image/png; x=1")
            result = self.client.job(known.id).result()
            self.assertEqual(repr(result), "<Result image/png, 3 bytes>")
            with self.assertRaisesRegex(TypeError, "image/png"):
                result.json()

        # Events

        def test_events_come_in_order_to_the_end(self) -> None:
            job = self.client.submit("m", "a")
            events = list(job.events())
            self.assertEqual([event.name for event in events], ["queued", "running", "succeeded"])
            self.assertEqual([event.id for event in events], ["1", "2", "3"])
            self.assertEqual(job.status, "succeeded")
            # All of it is known: there is nothing more.
            self.assertEqual(list(job.events(last_event_id="3")), [])
            self.assertEqual([event.id for event in job.events(last_event_id="2")], ["3"])

        def test_a_stream_that_breaks_is_gone_on_with(self) -> None:
            job = self.client.submit("m", "a")
            known = self.service.jobs[job.id]
            known.move("running")

            def half(handler: played.Handler, _: played.Seen) -> None:
                handler.begin_stream()
                handler.event(known, 1)
                handler.chunk(b"id: 2\nevent: running\nda")
                handler.hang_up()

            def closed(handler: played.Handler, _: played.Seen) -> None:
                handler.events(known, range(2, 3))

            self.service.fault("GET", "/events", half)
            self.service.fault("GET", "/events", played.refuse(503, "account-busy", "0"))
            self.service.fault("GET", "/events", closed)
            self.assertEqual([event.id for event in job.events()], ["1", "2", "3"])
            asked = [seen.headers.get("last-event-id") for seen in self.service.asked("GET", "/events")]
            self.assertEqual(asked, [None, "1", "1", "2"])

        def test_what_is_no_stream_of_events_is_an_error_that_names_the_job(self) -> None:
            job = self.client.submit("m", "a")

            def foreign(handler: played.Handler, _: played.Seen) -> None:
                handler.begin_stream()
                handler.chunk(b"data: {}\n\n")

            cases: list[tuple[Any, type[forebay.ForebayError]]] = [
                (played.garbage(200, b"<html>"), forebay.ForeignAnswerError),
                (played.refuse(404, "job-not-found"), forebay.NotFoundError),
                (played.refuse(410, "job-expired"), forebay.JobExpiredError),
                (foreign, forebay.ForeignAnswerError),
            ]
            for act, kind in cases:
                self.service.fault("GET", "/events", act)
                with self.assertRaises(kind) as raised:
                    list(job.events())
                self.assertEqual(raised.exception.job_id, job.id)

        # Many

        def test_many_are_done_in_order_or_as_they_come(self) -> None:
            def make(seen: played.Seen, job: played.Job) -> None:
                job.result = seen.body
                job.polls = 40 if b'"0"' in seen.body else 0

            self.service.make = make
            texts = [str(number) for number in range(40)]
            outcomes = list(self.client.map("m", iter(texts), concurrency=4))
            self.assertEqual([outcome.index for outcome in outcomes], list(range(40)))
            self.assertEqual([outcome.result.json()["input"]["text"] for outcome in outcomes], texts)
            self.assertEqual([outcome.input for outcome in outcomes], texts)
            places = [outcome.index for outcome in self.client.map("m", texts, concurrency=4, in_order=False)]
            self.assertEqual(sorted(places), list(range(40)))
            self.assertNotEqual(places[0], 0, "the slow one held the others up")
            self.assertEqual(list(self.client.map("m", [])), [])

        def test_inputs_are_taken_as_they_are_needed(self) -> None:
            taken = 0

            def endless() -> Any:
                nonlocal taken
                while True:
                    taken += 1
                    yield str(taken)

            with contextlib.closing(self.client.map("m", endless(), concurrency=3)) as outcomes:
                for outcome in outcomes:
                    if outcome.index == 20:
                        break
            self.assertLessEqual(taken, 21 + 3 * 5)

        def test_one_inputs_fault_is_its_own_and_everybodys_is_raised(self) -> None:
            def make(seen: played.Seen, job: played.Job) -> None:
                job.ends = "failed" if b"bad" in seen.body else "succeeded"

            self.service.make = make
            outcomes = list(self.client.map("m", ["good", "bad", b"\xff\x00", self.folder / "none"], concurrency=2))
            kinds = [type(outcome.error) for outcome in outcomes]
            invalid = forebay.InvalidInputError
            self.assertEqual(kinds, [type(None), forebay.JobFailedError, invalid, invalid])
            self.assertEqual(outcomes[1].error.job_id, outcomes[1].job_id)
            with self.assertRaises(forebay.JobFailedError):
                _ = outcomes[1].result
            self.service.fault("POST", "/v1/jobs", played.refuse(404, "model-not-found"))
            with self.assertRaises(forebay.NotFoundError):
                list(self.client.map("m", ["a", "b"]))
            with self.assertRaises(forebay.UnauthorizedError):
                list(self.make(key="fb_other").map("m", ["a", "b"]))
            self.service.fault("POST", "/v1/jobs", played.refuse(503, "lane-full", "60"), times=9)
            with self.assertRaises(forebay.UnavailableError):
                list(self.client.map("m", ["a", "b"], patience=1))
            with self.assertRaises(forebay.InvalidInputError):
                list(self.client.map("m", ["a"], concurrency=0))

        def test_a_run_that_is_refused_rests_and_goes_on(self) -> None:
            self.service.fault("POST", "/v1/jobs", played.refuse(429, "rate-limited", "1"))
            outcomes = list(self.client.map("m", [str(number) for number in range(12)], concurrency=4))
            self.assertEqual(len({outcome.job_id for outcome in outcomes}), 12)
            sent = self.service.asked("POST", "/v1/jobs")
            self.assertEqual(len(sent), 13)
            again = [seen for seen in sent if seen.headers["idempotency-key"] == sent[0].headers["idempotency-key"]]
            self.assertGreaterEqual(again[1].at - again[0].at, 1.0)

        def test_a_run_that_was_interrupted_goes_on(self) -> None:
            texts = [str(number) for number in range(30)]
            path = self.folder / "journal"
            with contextlib.closing(self.client.map("m", texts, concurrency=2, journal=path)) as outcomes:
                for outcome in outcomes:
                    if outcome.index == 10:
                        break
            first = len(self.service.jobs)
            self.assertLess(first, 30)
            # A line that was cut off by a kill, after a job that nobody wrote down.
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(lines[:-1]) + lines[-1][:10])
            outcomes = list(self.client.map("m", texts, journal=path))
            self.assertEqual([outcome.index for outcome in outcomes], list(range(30)))
            self.assertEqual((len(self.service.jobs), len(self.service.by_key)), (30, 30))
            sent = len(self.service.asked("POST", "/v1/jobs"))
            again = list(self.client.map("m", texts, journal=path))
            self.assertEqual([outcome.job_id for outcome in again], [outcome.job_id for outcome in outcomes])
            self.assertEqual(len(self.service.asked("POST", "/v1/jobs")), sent)

        def test_what_is_gone_is_submitted_anew_and_what_failed_where_it_is_wanted(self) -> None:
            path = self.folder / "journal"
            self.service.next = {"ends": "failed"}
            failed = next(iter(list(self.client.map("m", ["a"], journal=path))))
            self.assertIsInstance(failed.error, forebay.JobFailedError)
            self.service.next = {}
            (same,) = self.client.map("m", ["a"], journal=path)
            self.assertEqual(same.job_id, failed.job_id)
            (other,) = self.client.map("m", ["a"], journal=path, retry_failed=True)
            self.assertEqual((other.error, len(self.service.jobs)), (None, 2))
            del self.service.jobs[other.job_id]
            (third,) = self.client.map("m", ["a"], journal=path)
            self.assertNotEqual(third.job_id, other.job_id)
            self.assertEqual(third.result.json(), {"ok": True})

        def test_results_may_stay_where_they_are(self) -> None:
            (outcome,) = self.client.map("m", ["a"], fetch=False)
            self.assertIsNone(outcome.error)
            with self.assertRaisesRegex(ValueError, outcome.job_id):
                _ = outcome.result
            self.assertEqual(self.service.asked("GET", "/result"), [])

        def test_a_journal_is_one_programs_at_a_time_and_no_other_file(self) -> None:
            path = self.folder / "journal"
            with contextlib.closing(self.client.map("m", ["a", "b", "c"], journal=path, concurrency=1)) as outcomes:
                next(outcomes)
                with self.assertRaisesRegex(forebay.InvalidInputError, "in use"):
                    list(self.client.map("m", ["a"], journal=path))
            (other := self.folder / "notes").write_text("my notes\n")
            with self.assertRaisesRegex(forebay.InvalidInputError, "no journal"):
                list(self.client.map("m", ["a"], journal=other))
            self.assertEqual(other.read_text(), "my notes\n")


class WithThreads(Cases.Client):
    def make(self, **options: Any) -> Any:
        client = forebay.Client(**{"url": self.service.url, "key": "fb_key", "retry": QUICK, **options})
        self.addCleanup(client.close)
        return client


class WithAnEventLoop(Cases.Client):
    def setUp(self) -> None:
        self.loop = both.Loop()
        self.addCleanup(self.loop.close)
        super().setUp()

    def make(self, **options: Any) -> Any:
        client = forebay.AsyncClient(**{"url": self.service.url, "key": "fb_key", "retry": QUICK, **options})
        bridge = both.Bridge(client, self.loop.loop)
        self.addCleanup(bridge.close)
        return bridge
