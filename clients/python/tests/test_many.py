"""Many inputs: bounded, paced, and gone on with."""

from __future__ import annotations

import contextlib
from typing import Any

import clients
import played

import forebay


class Many(clients.Service):
    """Each kind of client runs these."""

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


class WithThreads(Many, clients.WithThreads):
    """Threads wait."""


class WithAnEventLoop(Many, clients.WithAnEventLoop):
    """An event loop goes on."""


del Many
