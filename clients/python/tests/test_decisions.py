"""What is decided without any connection: when to ask again, how many at once, what came, what is sent."""

from __future__ import annotations

import array
import dataclasses
import io
import json
import pickle
import unittest
import unittest.mock
from typing import Any, get_args

import numpy as np
import properties  # noqa: F401
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import forebay
from forebay import _inputs, _sniff, types
from forebay._effects import Send, Sleep, Work
from forebay._journal import Journal
from forebay._mapping import Many
from forebay._pace import Line, Pace
from forebay._retry import Backoff, Repeat, Retry, is_transient, retry_after
from forebay._settings import settings as settings_of
from forebay._sse import LONGEST_EVENT, SseEvent, SseReader
from forebay._submission import Options, Submission
from forebay.errors import Problem, RefusedError, refusal

SECONDS = st.floats(0, 1e6)
CHANCE = st.floats(0, 1, exclude_max=True)


def refused(status: int, *, retryable: bool | None = None, after: float | None = None) -> RefusedError:
    return refusal(Problem(status, retryable=retryable, retry_after=after))


class AskingAgain(unittest.TestCase):
    def test_retry_after_is_seconds_or_a_date(self) -> None:
        for field, expected in [
            ("0", 0),
            (" 120 ", 120),
            ("99999999999999999999", 2**32 - 1),
            ("Sun, 06 Nov 1994 08:49:40 GMT", 3),
            ("Sun, 06 Nov 1994 08:49:30 GMT", 0),
            ("", None),
            (None, None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("١", None),
        ]:
            self.assertEqual(retry_after(field, 784_111_777), expected, field)

    @given(st.text(max_size=60))
    def test_any_field_is_read_without_harm(self, field: str) -> None:
        named = retry_after(field, 0)
        self.assertTrue(named is None or 0 <= named < 2**32)

    @given(st.integers(0, 100), SECONDS, st.none() | SECONDS, CHANCE)
    def test_nobody_comes_earlier_than_named_nor_waits_beyond_patience(
        self, tried: int, waited: float, named: float | None, chance: float
    ) -> None:
        retry = Retry()
        pause = retry.pause(tried, waited, named, chance)
        if pause is not None:
            self.assertLessEqual(waited + pause, retry.patience)
            self.assertGreaterEqual(pause, named if named is not None else retry.first_pause / 2)
        else:
            longest = named + 5 if named is not None else retry.longest_pause
            self.assertGreater(waited + longest, retry.patience)

    def test_only_what_may_pass_is_asked_again(self) -> None:
        for error, harmless, after_refusal in [
            (refused(429, retryable=True), True, True),
            (refused(429, retryable=False), False, False),
            (refused(503), True, True),
            (refused(500, retryable=True), True, False),
            (refused(502), True, False),
            (refused(409, retryable=True), True, False),
            (refused(409), False, False),
            (refused(401, retryable=False), False, False),
            (forebay.UnansweredError(), True, False),
            (forebay.ForeignAnswerError(), False, False),
        ]:
            self.assertEqual(is_transient(error, Repeat.HARMLESS), harmless, error)
            self.assertEqual(is_transient(error, Repeat.AFTER_REFUSAL), after_refusal, error)

    def test_pauses_grow_until_patience_ends_and_begin_anew(self) -> None:
        backoff, silence = Backoff(Retry(patience=5)), forebay.UnansweredError()
        pauses: list[float] = []
        with self.assertRaises(forebay.UnansweredError):
            while True:
                pauses.append(backoff.next(silence, Repeat.HARMLESS, 0.5))
        self.assertEqual(pauses, sorted(pauses))
        self.assertTrue(len(pauses) >= 4 and sum(pauses) <= 5, pauses)
        backoff.reset()
        self.assertEqual(backoff.next(silence, Repeat.HARMLESS, 0.5), pauses[0])
        with self.assertRaises(RefusedError):
            Backoff(Retry(patience=0)).next(refused(429, after=0), Repeat.HARMLESS, 0)


class ManyAtOnce(unittest.TestCase):
    def test_a_pace_grows_halves_once_for_those_refused_together_and_rests(self) -> None:
        pace = Pace(10)
        self.assertEqual(pace.allowed, 4)
        for _ in range(20):
            pace.heard(None, 0)
        self.assertEqual(pace.allowed, 10)
        for _ in range(5):
            pace.heard(refused(429, after=7), 100)
        self.assertEqual((pace.allowed, pace.rest(101), pace.rest(200)), (5, 6, 0))
        pace.heard(refused(404), 200)
        pace.heard(forebay.UnansweredError(), 200)
        self.assertEqual((pace.allowed, pace.rest(200)), (5, 0))
        for moment in range(1000, 9000, 1000):
            pace.heard(refused(503, after=1), moment)
        self.assertEqual(pace.allowed, 1)

    @given(st.integers(1, 8), st.booleans(), st.data())
    def test_a_line_is_bounded_loses_nothing_and_never_stands_still(
        self, most: int, in_order: bool, data: st.DataObject
    ) -> None:
        line: Line[int] = Line(most, in_order=in_order)
        running: list[int] = []
        out: list[int] = []
        for _ in range(60):
            while line.has_room(most):
                running.append(line.begin())
            self.assertTrue(running, "nothing is under way, and nothing may begin")
            ended = running.pop(data.draw(st.integers(0, len(running) - 1)))
            line.end(ended, ended)
            out += line.out()
            self.assertLessEqual(len(running), most)
            self.assertLessEqual(max([*running, ended]) - len(out), most * 4 if in_order else 60)
        begun = {*running, *out}
        while running:
            line.end(running[0], running.pop(0))
        out += line.out()
        self.assertTrue(line.is_idle)
        self.assertEqual(out if in_order else sorted(out), list(range(len(out))))
        self.assertTrue(begun <= set(out))

    def test_while_a_pace_rests_nobody_submits(self) -> None:
        now = 100.0
        settings = dataclasses.replace(
            settings_of("https://a", "", None, 1.0, {}), clock=lambda: now, random=lambda: 0.5
        )
        many = Many.of(settings, "m", Options(), None, Journal(None), 4, 600, None, True, False)
        many.settings.observe(refused(429, after=7))
        flow = many.one(0, "a text")
        work = next(flow)
        assert isinstance(work, Work)
        effect = flow.send(work.function())
        assert isinstance(effect, Sleep)
        self.assertGreaterEqual(effect.seconds, 7)
        now = 103.0
        # It woke up too early, and another was refused meanwhile.
        many.settings.observe(refused(503, after=9))
        effect = flow.send(None)
        assert isinstance(effect, Sleep)
        self.assertGreaterEqual(effect.seconds, 9)
        now = 113.0
        effect = flow.send(None)
        assert isinstance(effect, Send)
        self.assertEqual(effect.request.path, "/v1/jobs")


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
        expected = {"job-failed": forebay.JobFailedError, "job-canceled": forebay.JobCanceledError}
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


def job() -> types.Job:
    return {"id": "job_2", "status": "queued"}  # type: ignore[typeddict-item]


class Inputs(unittest.TestCase):
    def test_arrays_are_tensors(self) -> None:
        cases: list[tuple[Any, Any]] = [
            (np.array([[1.5, 2], [3, 4]], dtype="float32"), [[1.5, 2.0], [3.0, 4.0]]),
            (np.arange(3, dtype="uint8"), [0, 1, 2]),
            (array.array("f", [1, 2.5]), [1.0, 2.5]),
            (memoryview(array.array("d", [1.0, 2.0])), [1.0, 2.0]),
            ([[1, 2], (3, 4)], [[1, 2], [3, 4]]),
            ([np.float64(1.5), np.ones(2)], [1.5, [1.0, 1.0]]),
        ]
        for given_, expected in cases:
            self.assertEqual(_inputs.payload(given_), _inputs.Tensor(expected))
        for number in [float("nan"), float("inf")]:
            submission = Submission("m", _inputs.payload(np.array([number])), Options())
            with self.assertRaises(forebay.InvalidInputError):
                submission.request("k")

    def test_pictures_are_pngs_of_the_same_pixels(self) -> None:
        picture = Image.new("RGB", (3, 2), (1, 2, 3))
        payload = _inputs.payload(picture)
        assert isinstance(payload, _inputs.Bytes)
        self.assertEqual((payload.media_type, _sniff.media_type(payload.content)), ("image/png", "image/png"))
        with self.assertRaisesRegex(forebay.InvalidInputError, "RGB"):
            _inputs.payload(Image.new("CMYK", (3, 2)))

    def test_each_format_of_pillow_is_known_by_how_it_begins(self) -> None:
        for format_, media_type in [
            ("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif"), ("WEBP", "image/webp"),
            ("BMP", "image/bmp"), ("TIFF", "image/tiff"),
        ]:  # fmt: skip
            Image.new("RGB", (3, 2)).save(buffer := io.BytesIO(), format=format_)
            self.assertEqual(_sniff.media_type(buffer.getvalue()), media_type)

    def test_sounds_are_known_by_how_they_begin_and_texts_are_none(self) -> None:
        for content, media_type in [
            (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"), (b"fLaC\0", "audio/flac"), (b"OggS\0", "audio/ogg"),
            (b"ID3\x04", "audio/mpeg"), (b"\xff\xfb\x90\x00", "audio/mpeg"), (b"\xff\xf3\x90\x00", "audio/mpeg"),
            (b"\xff\xfe\x00\x00", None), (b"BMW is a car maker", None), (b"RIFF", None), (b"", None),
        ]:  # fmt: skip
            self.assertEqual(_sniff.media_type(content), media_type, content)

    @given(st.binary(max_size=64))
    def test_any_bytes_are_a_picture_a_sound_a_text_or_refused(self, content: bytes) -> None:
        try:
            payload = _inputs.payload(content)
        except forebay.InvalidInputError:
            with self.assertRaises(UnicodeDecodeError):
                content.decode()
            return
        if isinstance(payload, _inputs.Text):
            self.assertEqual(payload.text.encode(), content)
        else:
            assert isinstance(payload, _inputs.Bytes)
            self.assertEqual(payload.content, content)

    def test_what_is_no_input_is_refused_and_no_payload_is_shown(self) -> None:
        odd: list[Any] = [object(), 3, {"a": 1}]
        for given_ in odd:
            with self.assertRaises(forebay.InvalidInputError):
                _inputs.payload(given_)
        self.assertNotIn("secret", repr(Submission("m", _inputs.payload("secret"), Options()).request("k")))
        self.assertNotIn("secret", repr(_inputs.payload("secret")))

    def test_what_no_service_takes_is_not_sent(self) -> None:
        with (
            unittest.mock.patch("forebay._inputs.MOST_BYTES", 10),
            unittest.mock.patch("forebay._submission.MOST_BYTES", 10),
        ):
            inputs: list[Any] = [b"x" * 11, io.BytesIO(b"x" * 1000), "x", [1, 2, 3]]
            for given_ in inputs:
                with self.assertRaisesRegex(forebay.InvalidInputError, "more than any service takes"):
                    Submission("m", _inputs.payload(given_), Options()).request("k")

    def test_what_the_query_cannot_say_travels_in_json(self) -> None:
        for value in ["3", "true", "1e3"]:
            options = Options({"x": value})
            request = Submission("m", _inputs.payload(b"GIF89a"), options).request("k")
            self.assertEqual(request.path, "/v1/jobs")
            said = json.loads(request.body)
            self.assertEqual((said["parameters"], said["input"]), ({"x": value}, {"image": "R0lGODlh"}))
            with self.assertRaisesRegex(forebay.InvalidInputError, "audio/flac"):
                Submission("m", _inputs.payload(b"fLaC"), options).request("k")
        request = Submission("../a b", _inputs.payload(b"fLaC"), Options({"x": "a&b"})).request("k")
        self.assertEqual(request.path, "/v1/models/..%2Fa%20b/jobs?p.x=a%26b")
        self.assertEqual(json.loads(Submission("m", None, Options()).request("k").body), {"model": "m"})

    @given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), min_size=2, max_size=2, unique=True))
    @settings(max_examples=50)
    def test_two_submissions_have_one_key_only_where_they_are_the_same(self, pairs: list[tuple[str, str]]) -> None:
        keys = []
        for model, text in [*pairs, pairs[0]]:
            request = Submission(model, _inputs.Text(text), Options()).request("")
            keys.append(Submission.digest(request, "salt"))
        self.assertEqual(len(set(keys)), 2)
        self.assertEqual(keys[0], keys[2])


class Settings(unittest.TestCase):
    def test_a_service_has_an_address(self) -> None:
        for url, base in [
            ("https://jobs.example.com/", "https://jobs.example.com"),
            (" http://127.0.0.1:8787\n", "http://127.0.0.1:8787"),
            ("https://example.com/forebay/", "https://example.com/forebay"),
        ]:
            self.assertEqual(settings_of(url, "", None, 1.0, {}).base, base)
        for url in [
            "jobs.example.com",
            "https://",
            "http:///x",
            "http://a b",
            "",
            "ftp://a",
            "http://a:x",
            "http://a?b",
        ]:
            with self.assertRaises(forebay.InvalidInputError):
                settings_of(url, "", None, 1.0, {})

    def test_the_environments_key_stays_at_the_environments_service(self) -> None:
        environment = {"FOREBAY_URL": "https://a", "FOREBAY_KEY": " fb_1\n"}
        self.assertEqual(settings_of(None, None, None, 1.0, environment).key, "fb_1")
        self.assertEqual(settings_of("https://a", None, None, 1.0, environment).key, "fb_1")
        self.assertEqual(settings_of("https://b", None, None, 1.0, environment).key, "")
        self.assertEqual(settings_of("https://b", "fb_2", None, 1.0, environment).key, "fb_2")
        self.assertNotIn("fb_1", repr(settings_of(None, None, None, 1.0, environment)))
        with self.assertRaisesRegex(forebay.InvalidInputError, "FOREBAY_KEY_FILE"):
            settings_of("https://a", None, None, 1.0, {"FOREBAY_URL": "https://a", "FOREBAY_KEY_FILE": "/nowhere"})
