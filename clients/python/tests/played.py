"""A small server that plays the documented interface, as well or as badly as a test asks for."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

FINAL = {"succeeded", "failed", "canceled", "expired"}
STATUS_TITLES = {"rate-limited": "A limit is reached", "job-failed": "The job failed"}


@dataclass
class Seen:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Fault:
    """What happens to the next requests of this kind in place of an answer."""

    method: str
    path: str
    act: Callable[[Handler, Seen], None]
    left: int = 1


@dataclass
class Job:
    id: str
    model: str
    status: str = "queued"
    polls: int = 0
    """How many looks it takes until it ends."""
    ends: str = "succeeded"
    result: bytes = b'{"ok":true}'
    media_type: str = "application/json"
    retry_of: str | None = None
    is_erased: bool = False
    steps: list[str] = field(default_factory=lambda: ["queued"])

    def move(self, status: str) -> None:
        if self.status not in FINAL and self.status != status:
            self.status = status
            self.steps.append(status)

    def said(self, steps: list[str] | None = None) -> dict[str, Any]:
        status = (steps or self.steps)[-1]
        return {
            "id": self.id,
            "status": status,
            "model": self.model,
            "attempt": 0,
            "retry_of": self.retry_of,
            "news": {"a": 1},
        }


class Played:
    """The service. Its jobs end when they have been looked at `polls` times."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.jobs: dict[str, Job] = {}
        self.by_key: dict[str, str] = {}
        self.made = 0
        self.next: dict[str, Any] = {}
        """What the jobs that are submitted from now on are like."""
        self.make: Callable[[Seen, Job], None] = lambda seen, job: None
        self.lock = threading.RLock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def fault(self, method: str, path: str, act: Callable[[Handler, Seen], None], times: int = 1) -> None:
        self.faults.append(Fault(method, path, act, times))

    def asked(self, method: str, path: str) -> list[Seen]:
        """The requests whose path ends so."""
        return [seen for seen in self.seen if seen.method == method and seen.path.endswith(path)]

    def add(self, **what: Any) -> Job:
        with self.lock:
            self.made += 1
            job = Job(f"job_{self.made:042d}", what.pop("model", "m"), **{**self.next, **what})
            self.jobs[job.id] = job
            return job

    def take_fault(self, seen: Seen) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.left > 0 and fault.method == seen.method and seen.path.endswith(fault.path):
                    fault.left -= 1
                    return fault
            return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, played: Played) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.played = played

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections break here on purpose."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    @property
    def played(self) -> Played:
        return self.server.played

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing is written."""

    def do_GET(self) -> None:
        self._any()

    def do_DELETE(self) -> None:
        self._any()

    def do_POST(self) -> None:
        self._any()

    def _any(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body, time.monotonic())
        with self.played.lock:
            self.played.seen.append(seen)
        if fault := self.played.take_fault(seen):
            fault.act(self, seen)
            return
        if headers.get("authorization") != "Bearer fb_key":
            self.problem(401, "missing-credentials")
            return
        self.answer(seen)

    def answer(self, seen: Seen) -> None:
        """What the service would say."""
        parts = seen.path.strip("/").split("/")
        if (seen.method == "POST" and seen.path in ("/v1/jobs",)) or (parts[1] == "models" and parts[-1] == "jobs"):
            self._submit(seen)
        elif seen.path == "/v1/jobs":
            self._list(seen)
        elif seen.path == "/v1/models":
            self.json(200, {"models": [], "plan": {"name": "pro"}})
        elif seen.path == "/v1/quota":
            self.json(200, {"account": "a", "plan": "pro", "limits": [], "unknown": []})
        elif parts[-1] == "plan":
            self.json(200, {"decision": "accept", "cost_ms": 7})
        elif parts[1] == "jobs" and (job := self.played.jobs.get(parts[2])):
            getattr(self, "_job_" + (parts[3] if len(parts) > 3 else "itself"))(seen, job)
        else:
            self.problem(404, "job-not-found")

    def _submit(self, seen: Seen) -> None:
        played = self.played
        with played.lock:
            key = seen.headers.get("idempotency-key", "")
            job = played.jobs.get(played.by_key.get(key, ""))
            if job is None:
                job = played.add()
                played.make(seen, job)
                played.by_key[key] = job.id
        self.json(202, job.said())

    def _list(self, seen: Seen) -> None:
        ids = sorted(self.played.jobs, reverse=True)
        ids = [job for job in ids if job < seen.query.get("cursor", "k")]
        page = [self.played.jobs[job].said() for job in ids[:2]]
        self.json(200, {"jobs": page, "cursor": ids[1] if len(ids) > 2 else None})

    def _job_itself(self, seen: Seen, job: Job) -> None:
        if seen.method == "DELETE":
            job.is_erased = True
            self.json(200, {"job_id": job.id, "complete": True, "erased_ms": 1, "remains": [], "removed": ["input"]})
            return
        with self.played.lock:
            if job.polls <= 0:
                job.move("running")
                job.move(job.ends)
            job.polls -= 1
        self.json(200, job.said())

    def _job_result(self, seen: Seen, job: Job) -> None:
        if job.is_erased:
            self.problem(410, "job-erased")
            return
        if "wait" in seen.query:
            job.move("running")
            job.move(job.ends)
        if job.status == "succeeded":
            self.send(200, job.result, {"content-type": job.media_type})
        elif job.status == "failed":
            failure = {"job_id": job.id, "code": "image-undecodable", "detail": "send a whole one"}
            self.problem(424, "job-failed", failure=failure)
        elif job.status == "canceled":
            self.problem(409, "job-canceled")
        elif job.status == "expired":
            self.problem(410, "job-expired")
        else:
            self.json(202, job.said(), {"location": f"/v1/jobs/{job.id}", "retry-after": "1"})

    def _job_cancel(self, seen: Seen, job: Job) -> None:
        if job.status in FINAL - {"canceled"}:
            self.problem(409, "job-not-cancelable")
            return
        job.move("canceled")
        self.json(202, job.said())

    def _job_retry(self, seen: Seen, job: Job) -> None:
        if job.status not in FINAL - {"succeeded"}:
            self.problem(409, "job-not-retryable")
            return
        key = seen.headers["idempotency-key"]
        with self.played.lock:
            again = self.played.jobs.get(self.played.by_key.get(key, "")) or self.played.add(retry_of=job.id)
            self.played.by_key[key] = again.id
        self.json(202, again.said())

    def _job_events(self, seen: Seen, job: Job) -> None:
        last = int(seen.headers.get("last-event-id", "0"))
        if last >= len(job.steps) and job.status in FINAL:
            self.send(204, b"")
            return
        job.move("running")
        job.move(job.ends)
        self.events(job, range(last + 1, len(job.steps) + 1))

    def events(self, job: Job, numbers: range) -> None:
        """These events of the job, and the end of the stream."""
        self.begin_stream()
        for number in numbers:
            self.event(job, number)
        self.wfile.write(b"0\r\n\r\n")

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def event(self, job: Job, number: int) -> None:
        said = json.dumps(job.said(job.steps[:number]))
        self.chunk(f": keep-alive\n\nid: {number}\nevent: {job.steps[number - 1]}\ndata: {said}\n\n".encode())

    def chunk(self, piece: bytes) -> None:
        self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.flush()

    def json(self, status: int, said: object, headers: dict[str, str] | None = None) -> None:
        self.send(status, json.dumps(said).encode(), {"content-type": "application/json", **(headers or {})})

    def problem(self, status: int, code: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        said = {
            "type": f"https://example.com/problems/{code}",
            "title": STATUS_TITLES.get(code, code),
            "status": status,
            "detail": f"what to do about {code}",
            "code": code,
            "retryable": status in (429, 503) or code == "idempotency-in-progress",
            "request_id": "r1",
            **more,
        }
        self.json(status, said, {"x-request-id": "r1", **(headers or {})})

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        """What was sent arrives, and nothing more."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """The connection is reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


def refuse(status: int, code: str, retry_after: str | None = None) -> Callable[[Handler, Seen], None]:
    """A refusal."""
    headers = {"retry-after": retry_after} if retry_after is not None else {}
    return lambda handler, _: handler.problem(status, code, headers)


def garbage(status: int, body: bytes) -> Callable[[Handler, Seen], None]:
    """What no service says."""
    return lambda handler, _: handler.send(status, body, {"content-type": "text/html"})


def drop(handler: Handler, _: Seen) -> None:
    """The connection breaks before anything is done."""
    handler.drop()


def do_and_drop(handler: Handler, seen: Seen) -> None:
    """What was asked for is done, and the answer is lost."""
    handler.send = lambda *_: handler.drop()  # type: ignore[method-assign]
    with contextlib.suppress(OSError, ValueError):
        handler.answer(seen)


def cut(body: bytes, at: int) -> Callable[[Handler, Seen], None]:
    """An answer that breaks off within its body."""

    def act(handler: Handler, _: Seen) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "application/octet-stream")
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:at])
        handler.wfile.flush()
        handler.hang_up()

    return act


def after(seconds: float) -> Callable[[Handler, Seen], None]:
    """The right answer, late."""

    def act(handler: Handler, seen: Seen) -> None:
        time.sleep(seconds)
        handler.answer(seen)

    return act


@contextlib.contextmanager
def played() -> Iterator[Played]:
    """A service for a while."""
    service = Played()
    try:
        yield service
    finally:
        service.close()
