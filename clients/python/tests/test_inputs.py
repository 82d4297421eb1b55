"""What is sent for what is given, and to whom."""

from __future__ import annotations

import array
import io
import json
import unittest
import unittest.mock
from typing import Any

import numpy as np
import properties  # noqa: F401
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import forebay
from forebay import _inputs, _sniff
from forebay._settings import settings as settings_of
from forebay._submission import Options, Submission


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
