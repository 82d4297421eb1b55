"""When to ask again, and how many at once: decided without a clock."""

from __future__ import annotations

import dataclasses
import unittest
import unittest.mock

import properties  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st

import forebay
from forebay._effects import Send, Sleep, Work
from forebay._journal import Journal
from forebay._mapping import Many
from forebay._pace import Line, Pace
from forebay._retry import Backoff, Repeat, Retry, is_transient, retry_after
from forebay._settings import settings as settings_of
from forebay._submission import Options
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
