"""What came over the wire, whatever it is: events and refusals."""

from __future__ import annotations

import json
import pickle
import unittest
import unittest.mock
from typing import get_args

import properties  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st

import forebay
from forebay import types
from forebay._sse import LONGEST_EVENT, SseEvent, SseReader
from forebay.errors import Problem, RefusedError, refusal


def job() -> types.Job:
    return {"id": "job_2", "status": "queued"}  # type: ignore[typeddict-item]


class Events(unittest.TestCase):
    def test_events_end_with_an_empty_line(self) -> None:
        for stream, expected in [
            ("id: 1\nevent: queued\ndata: {}\n\n", [SseEvent("1", "queued", "{}")]),
            ("data:a\r\ndata: b\r\n\r\n", [SseEvent(None, "", "a\nb")]),
            (": keep-alive\n\n: more\n\n", []),
            ("id: 7\n\ndata\n\n", [SseEvent(None, "", "")]),
            ("id: a\0b\ndata: x\rretry: 3\rnews\r\rdata: y", [SseEvent(None, "", "x")]),
        ]:
            self.assertEqual(list(SseReader().read(stream.encode())), expected, stream)

    @given(
        st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"data: a", b"id: 1", b":", b"\xff", b"event:e"])), st.data()
    )
    def test_it_does_not_matter_how_a_stream_is_cut(self, parts: list[bytes], data: st.DataObject) -> None:
        stream = b"".join(parts)
        whole = list(SseReader().read(stream + b"\n"))
        at = data.draw(st.integers(0, len(stream)))
        reader = SseReader()
        pieces = [*reader.read(stream[:at]), *reader.read(stream[at:]), *reader.read(b"\n")]
        self.assertEqual(pieces, whole)

    def test_what_has_no_end_is_not_kept(self) -> None:
        for piece in [b"x" * 50_000, b"data: " + b"x" * 50_000 + b"\n"]:
            reader = SseReader()
            with self.assertRaises(forebay.ForeignAnswerError):
                for _ in range(2 * LONGEST_EVENT // 50_000):
                    list(reader.read(piece))


class Refusals(unittest.TestCase):
    def test_each_code_of_the_closed_list_has_an_error_of_its_status(self) -> None:
        known = get_args(types.ProblemCode)
        self.assertGreater(len(known), 50)
        self.assertLessEqual(set(types.STATUS_OF_CODE), set(known))
        for code, status in types.STATUS_OF_CODE.items():
            error = refusal(Problem(status, code))
            self.assertIsNot(type(error), RefusedError)
            self.assertEqual((error.code, error.status), (code, status))
        expected = {
            "job-failed": forebay.JobFailedError,
            "job-canceled": forebay.JobCanceledError,
            "job-erased": forebay.JobErasedError,
        }
        for code, kind in expected.items():
            self.assertIs(type(refusal(Problem(types.STATUS_OF_CODE[code], code))), kind)

    def test_all_that_a_refusal_says_is_kept(self) -> None:
        said = {
            "type": "https://example.com/p", "title": "A limit is reached", "status": 429, "detail": "come back",
            "code": "rate-limited", "retryable": True, "request_id": "r", "violated_policies": ["submit", 7],
            "admitting_plans": ["pro"], "earliest_feasible_ms": 5, "news": 1,
        }  # fmt: skip
        problem = Problem.read(429, json.dumps(said).encode(), 3.0)
        self.assertEqual(problem.violated_policies, ("submit",))
        self.assertEqual((problem.admitting_plans, problem.earliest_feasible_ms), (("pro",), 5))
        self.assertEqual((problem.retry_after, problem.body["news"]), (3.0, 1))
        self.assertEqual(str(problem), "A limit is reached: come back (rate-limited, request r)")

    @given(st.integers(100, 599), st.binary(max_size=200) | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["title", "code", "detail", "failure", "violated_policies", "retryable"]), inner
        ),
    ).map(lambda said: json.dumps(said).encode()))  # fmt: skip
    def test_whatever_is_said_becomes_one_printable_line(self, status: int, body: bytes) -> None:
        error = refusal(Problem.read(status, body))
        self.assertTrue(str(error).isprintable())
        self.assertLess(len(str(error)), 700)

    def test_errors_travel_between_processes(self) -> None:
        error = refusal(Problem(429, "rate-limited", retry_after=2.0))
        error.job_id = "job_1"
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual((type(again), again.retry_after, again.job_id), (forebay.RateLimitedError, 2.0, "job_1"))
        running = pickle.loads(pickle.dumps(forebay.StillRunningError(job())))
        self.assertEqual(running.job_id, "job_2")
