"""A real service, which FOREBAY_URL and FOREBAY_KEY name: the demonstration models, and a key of a plan with room.

FOREBAY_TINY_KEY is of a plan that lets three jobs pass; the service may call webhooks on this machine.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import queue
import subprocess
import sys
import tempfile
import threading
import unittest
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import numpy as np
from PIL import Image

import forebay

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import both
import javascript
import readme

IMAGES, TEXTS, FACES = "efficientnet-lite0", "all-minilm-l6-v2", "dcgan-faces"


def new_text() -> str:
    """A sentence that nobody asked before: its result is in no cache."""
    return f"Gate {uuid.uuid4()} opens."


class Cases:
    """Out of the way of discovery: each kind of client runs them."""

    class Service(unittest.TestCase):
        def make(self, key: str | None = None) -> Any:
            raise NotImplementedError

        def setUp(self) -> None:
            folder = tempfile.TemporaryDirectory()
            self.addCleanup(folder.cleanup)
            self.folder = Path(folder.name)
            self.client = self.make()

        def test_a_picture_has_its_classes_whatever_it_is_given_as(self) -> None:
            path = readme.FIXTURES / "coffee.png"
            for given in [path, path.read_bytes(), path.open("rb"), Image.open(path)]:
                with contextlib.closing(given) if hasattr(given, "close") else contextlib.nullcontext():
                    classes = self.client.run(IMAGES, given, parameters={"top_k": 2}).json()["classes"]
                self.assertEqual((len(classes), classes[0]["label"]), (2, "espresso"))

        def test_a_job_is_followed_to_its_end_and_its_result_fetched(self) -> None:
            job = self.client.submit(TEXTS, new_text())
            events = list(job.events())
            self.assertEqual((events[0].name, events[-1].name), ("queued", "succeeded"))
            # The last one comes again when its place in the queue has changed.
            numbers = [int(event.id) for event in events]
            self.assertEqual(numbers, sorted(numbers))
            self.assertEqual(job.wait().status, "succeeded")
            self.assertEqual(len(job.result().json()["embedding"]), 384)
            self.assertEqual(next(iter(self.client.jobs(model=TEXTS))).id, job.id)

        def test_a_large_result_is_saved(self) -> None:
            job = self.client.submit(FACES, parameters={"count": 4, "seed": 7})
            path = job.save(self.folder / "faces.png")
            with Image.open(path) as picture:
                self.assertEqual(picture.format, "PNG")
            self.assertEqual(job.result().content, path.read_bytes())

        def test_a_key_is_one_job(self) -> None:
            key, text = str(uuid.uuid4()), new_text()
            first = self.client.submit(TEXTS, text, idempotency_key=key)
            self.assertEqual(self.client.submit(TEXTS, text, idempotency_key=key).id, first.id)
            with self.assertRaises(forebay.BadRequestError) as raised:
                self.client.submit(TEXTS, new_text(), idempotency_key=key)
            self.assertEqual(raised.exception.code, "idempotency-mismatch")

        def test_a_job_is_called_off_and_run_again(self) -> None:
            later = datetime.now(timezone.utc) + timedelta(hours=1)
            job = self.client.submit(TEXTS, new_text(), not_before=later)
            with self.assertRaises(forebay.StillRunningError):
                job.wait(timeout=0)
            self.assertEqual(job.cancel().status, "canceled")
            self.assertEqual(job.cancel().status, "canceled")
            with self.assertRaises(forebay.JobCanceledError):
                job.result()
            again = job.retry()
            self.assertEqual(again.state["retry_of"], job.id)
            self.assertNotEqual(again.id, job.id)
            again.cancel() if again.status == "queued" else None

        def test_a_job_is_erased(self) -> None:
            job = self.client.submit(TEXTS, new_text()).wait()
            receipt = job.erase()
            self.assertEqual(receipt["job_id"], job.id)
            self.assertIn("input", receipt["removed"] + [part["what"] for part in receipt["remains"]])
            with self.assertRaises(forebay.JobErasedError):
                job.result()

        def test_refusals_say_what_is_wrong(self) -> None:
            for model, given, options, kind, code in [
                ("no-such-model", "a", {}, forebay.NotFoundError, "model-not-found"),
                (IMAGES, b"\x89PNG\r\n\x1a\n", {}, forebay.BadRequestError, "image-unrecognized"),
                (TEXTS, np.ones((2, 2)), {}, forebay.BadRequestError, "input-mismatch"),
                (TEXTS, "a", {"parameters": {"no_such": 1}}, forebay.BadRequestError, "invalid-parameter"),
            ]:
                with self.assertRaises(kind) as raised:
                    self.client.submit(model, given, **options)
                error: Any = raised.exception
                self.assertEqual(error.code, code)
                self.assertTrue(error.detail and error.request_id and error.retryable is False, error)
            with self.assertRaises(forebay.UnauthorizedError):
                self.make("fb_" + "x" * 43).quota()
            with self.assertRaises(forebay.NotFoundError):
                known = self.client.submit(TEXTS, "a").id
                self.client.job(known[:-1] + ("1" if known.endswith("0") else "0")).refresh()

        def test_a_job_that_fails_says_why(self) -> None:
            whole = (readme.FIXTURES / "coffee.png").read_bytes()
            job = self.client.submit(IMAGES, whole[: len(whole) // 2])
            with self.assertRaises(forebay.JobFailedError) as raised:
                job.result()
            self.assertEqual(raised.exception.failure["code"], "image-undecodable")
            self.assertEqual(raised.exception.job_id, job.id)

        def test_a_limit_is_named_with_when_to_come_back(self) -> None:
            client = self.make(os.environ["FOREBAY_TINY_KEY"])
            with self.assertRaises(forebay.RateLimitedError) as raised:
                for _ in range(4):
                    client.submit(TEXTS, new_text())
            error = raised.exception
            self.assertEqual((error.violated_policies, error.retryable), (("submit",), True))
            assert error.retry_after is not None
            self.assertGreater(error.retry_after, 60)

        def test_many_are_done_and_an_interrupted_run_goes_on(self) -> None:
            texts, journal = [new_text() for _ in range(12)], self.folder / "journal"
            seen = set()
            with contextlib.closing(self.client.map(TEXTS, texts, journal=journal, concurrency=2)) as outcomes:
                for outcome in outcomes:
                    seen.add(outcome.job_id)
                    if outcome.index == 4:
                        break
            outcomes = list(self.goes_on(texts, journal))
            self.assertEqual([outcome.index for outcome in outcomes], list(range(12)))
            self.assertTrue(seen <= {outcome.job_id for outcome in outcomes})
            self.assertEqual(len({outcome.job_id for outcome in outcomes}), 12)
            for outcome in outcomes:
                self.assertEqual(len(outcome.result.json()["embedding"]), 384)

        def goes_on(self, texts: list[str], journal: Path) -> Any:
            return self.client.map(TEXTS, texts, journal=journal)

        def test_a_program_that_crashed_is_gone_on_with_by_the_jobs_id(self) -> None:
            crash = (
                "import forebay, os\n"
                f"print(forebay.Client().submit({TEXTS!r}, {new_text()!r}), flush=True)\n"
                "os.kill(os.getpid(), 9)\n"
            )
            crashed = subprocess.run([sys.executable, "-c", crash], capture_output=True, text=True, timeout=60)
            self.assertEqual(crashed.returncode, -9, crashed.stderr)
            job = self.client.job(crashed.stdout.split()[1].strip(">"))
            self.assertEqual(len(job.result().json()["embedding"]), 384)

        def test_what_there_is(self) -> None:
            self.assertIn(TEXTS, [model["name"] for model in self.client.models()["models"]])
            self.assertIn("monthly", [limit["name"] for limit in self.client.quota()["limits"]])
            self.assertEqual(self.client.plan(TEXTS, new_text())["decision"], "accept")

    class Pages(unittest.TestCase):
        page: ModuleType

        def test_the_examples_run(self) -> None:
            with tempfile.TemporaryDirectory() as folder:
                for code, pattern in zip(self.page.examples(), self.page.expected(), strict=True):
                    with self.subTest(code=code):
                        environment = {name: os.environ[name] for name in ("FOREBAY_URL", "FOREBAY_KEY")}
                        self.assertRegex(self.page.run(code, Path(folder), environment), f"^(?:{pattern})$")


class WithThreads(Cases.Service):
    def make(self, key: str | None = None) -> Any:
        client = forebay.Client(os.environ["FOREBAY_URL"], key)
        self.addCleanup(client.close)
        return client


class WithAnEventLoop(Cases.Service):
    def setUp(self) -> None:
        self.loop = both.Loop()
        self.addCleanup(self.loop.close)
        super().setUp()

    def make(self, key: str | None = None) -> Any:
        bridge = both.Bridge(forebay.AsyncClient(os.environ["FOREBAY_URL"], key), self.loop.loop)
        self.addCleanup(bridge.close)
        return bridge


class Python(Cases.Pages):
    page = readme


class JavaScript(Cases.Pages):
    page = javascript


class Webhooks(unittest.TestCase):
    def test_a_delivery_of_the_service_is_believed(self) -> None:
        came: queue.Queue[tuple[bytes, dict[str, str]]] = queue.Queue()

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                came.put((self.rfile.read(int(self.headers["content-length"])), dict(self.headers.items())))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Nothing is written."""

        server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        headers = {"authorization": f"Bearer {os.environ['FOREBAY_KEY']}"}
        with httpx.Client(base_url=os.environ["FOREBAY_URL"], headers=headers, timeout=60) as service:
            made = service.post("/v1/webhooks", json={"url": f"http://127.0.0.1:{server.server_address[1]}/hook"})
            self.assertEqual(made.status_code, 201, made.text)
            webhook = made.json()
            service.post(f"/v1/webhooks/{webhook['id']}/test")
            body, fields = came.get(timeout=60)
            service.delete(f"/v1/webhooks/{webhook['id']}")
        message = forebay.webhooks.verify(body, fields, webhook["secret"])
        self.assertEqual(message["type"], "webhook.test")
        with self.assertRaises(forebay.webhooks.WebhookError):
            forebay.webhooks.verify(body + b" ", fields, webhook["secret"])
