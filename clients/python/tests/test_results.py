"""Results are whole or an error, and events come in order to the end."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

import clients
import played

import forebay


class Results(clients.Service):
    """Each kind of client runs these."""

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


class WithThreads(Results, clients.WithThreads):
    """Threads wait."""


class WithAnEventLoop(Results, clients.WithAnEventLoop):
    """An event loop goes on."""


del Results
