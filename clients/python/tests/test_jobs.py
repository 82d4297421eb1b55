"""Jobs are submitted, waited for, picked up, called off, run again and listed."""

from __future__ import annotations

import io
from datetime import datetime, timezone

import clients
import played

import forebay


class Jobs(clients.Service):
    """Each kind of client runs these."""

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

    def test_a_job_is_erased_and_never_run_again_by_itself(self) -> None:
        path = self.folder / "journal"
        (outcome,) = self.client.map("m", ["a"], journal=path)
        job = self.client.job(outcome.job_id)
        self.service.fault("DELETE", job.id, played.drop)
        self.assertEqual(job.erase()["removed"], ["input"])
        with self.assertRaises(forebay.JobErasedError):
            job.result()
        (again,) = self.client.map("m", ["a"], journal=path)
        self.assertIsInstance(again.error, forebay.JobErasedError)
        self.assertEqual(len(self.service.jobs), 1)

    def test_lists_go_on_to_their_end(self) -> None:
        made = [self.service.add().id for _ in range(5)]
        self.assertEqual([job.id for job in self.client.jobs(status="queued")], made[::-1])
        self.assertEqual(self.service.asked("GET", "/v1/jobs")[1].query["cursor"], made[3])
        self.assertEqual(self.client.models()["models"], [])
        self.assertEqual(self.client.quota()["plan"], "pro")
        self.assertEqual(self.client.plan("m", b"GIF89a")["cost_ms"], 7)
        self.assertEqual(self.service.asked("POST", "/v1/models/m/plan")[0].body, b"GIF89a")


class WithThreads(Jobs, clients.WithThreads):
    """Threads wait."""


class WithAnEventLoop(Jobs, clients.WithAnEventLoop):
    """An event loop goes on."""


del Jobs
