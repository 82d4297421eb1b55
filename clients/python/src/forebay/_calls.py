"""The service's calls, one flow each."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlencode

from . import types
from ._effects import Flow, Reply, Request, Sink, Sleep, T, send, sleep, work
from ._inputs import Input, payload
from ._result import Result
from ._retry import Backoff
from ._settings import Settings
from ._sink import FileSink
from ._submission import Options, Submission, idempotency_key, is_job_id, job_id
from .errors import ForebayError, ForeignAnswerError, StillRunningError

# The longest that the service is asked to hold one answer back, in seconds; it would up to 60.
LONGEST_HOLD = 30.0
# The least time between two questions: a service that answers at once is not asked without end.
BETWEEN = 0.5
FINAL = frozenset({"succeeded", "failed", "canceled", "expired"})
Status = Literal["queued", "running", "succeeded", "failed", "canceled", "expired"]


def call(settings: Settings, request: Request) -> Flow[Reply]:
    """One request, and again while it is worth it."""
    backoff = Backoff(settings.retry)
    while True:
        try:
            reply = yield from send(request)
        except ForebayError as error:
            settings.observe(error)
            pause = backoff.next(error, request.repeat, settings.random())
        else:
            settings.observe(None)
            return reply
        yield Sleep(pause)


def about(job: str, flow: Flow[T]) -> Flow[T]:
    """The flow, whose errors name the job: whatever ends the program, what is needed to pick it up is on the screen."""
    try:
        return (yield from flow)
    except ForebayError as error:
        error.job_id = error.job_id or job
        raise
    except GeneratorExit:
        raise
    except BaseException as error:
        if hasattr(error, "add_note"):
            error.add_note(f"{job} goes on: pick it up with client.job({job!r})")
        raise


def submission(model: str, given: Input, media_type: str | None, options: Options) -> Submission:
    return Submission(model, payload(given, media_type), options)


def submit(
    settings: Settings, model: str, given: Input, media_type: str | None, options: Options, key: str | None
) -> Flow[types.Job]:
    """Submits a job, under a random key where it has none."""
    key = new_key() if key is None else idempotency_key(key)
    request = yield from work(lambda: submission(model, given, media_type, options).request(key))
    return (yield from submit_request(settings, request, key))


def submit_request(settings: Settings, request: Request, key: str) -> Flow[types.Job]:
    try:
        reply = yield from call(settings, request)
        return read_job(reply.body)
    except ForebayError as error:
        error.idempotency_key = key
        raise


def plan(settings: Settings, model: str, given: Input, media_type: str | None, options: Options) -> Flow[types.Plan]:
    """What submitting it would come to."""
    request = yield from work(lambda: submission(model, given, media_type, options).request("", plan=True))
    reply = yield from call(settings, request)
    return cast(types.Plan, read_object(reply.body, "decision"))


def look(settings: Settings, job: str, hold: float = 0.0) -> Flow[types.Job]:
    """A job once it ended, or as it stands after `hold` seconds."""
    seconds = int(min(hold, LONGEST_HOLD))
    query = f"?wait={seconds}" if seconds else ""
    reply = yield from call(settings, Request("GET", f"/v1/jobs/{job_id(job)}{query}", held=float(seconds)))
    return read_job(reply.body)


def wait(settings: Settings, job: str, patience: float | None, hold: float = LONGEST_HOLD) -> Flow[types.Job]:
    """A job once it ended; without a patience, however long it takes."""
    until = settings.clock() + (patience if patience is not None else float("inf"))
    while True:
        asked = settings.clock()
        state = yield from look(settings, job, min(hold, max(until - asked, 0.0)))
        if state["status"] in FINAL:
            return state
        now = settings.clock()
        if now >= until:
            raise StillRunningError(state)
        yield from sleep(min(BETWEEN - (now - asked), until - now))


def fetch(settings: Settings, job: str, sink: Sink | None = None) -> Flow[Result]:
    """What a job that has ended made; with a sink, it has the content."""
    reply = yield from call(settings, Request("GET", f"/v1/jobs/{job_id(job)}/result", sink=sink))
    # A job under `Location` in place of its result: it goes on.
    if reply.status == 202:
        raise StillRunningError(read_job(reply.body))
    media_type = reply.headers.get("content-type", "").split(";")[0].strip().lower()
    return Result(media_type or "application/octet-stream", reply.body)


def result(settings: Settings, job: str, patience: float | None, hold: float = LONGEST_HOLD) -> Flow[Result]:
    """What a job made, once it has ended; where it made nothing, the refusal says why."""
    yield from wait(settings, job, patience, hold)
    return (yield from fetch(settings, job))


def save(settings: Settings, job: str, path: Path, patience: float | None) -> Flow[Path]:
    """What a job made, once it has ended, in a file that is there whole or not at all."""
    yield from wait(settings, job, patience)
    sink = yield from work(lambda: FileSink(path))
    try:
        yield from fetch(settings, job, sink)
        return (yield from work(sink.keep))
    finally:
        sink.drop()


def cancel(settings: Settings, job: str, key: str | None) -> Flow[types.Job]:
    """Calls a job off. Asking twice is asking once."""
    headers = {"idempotency-key": idempotency_key(key)} if key is not None else {}
    reply = yield from call(settings, Request("POST", f"/v1/jobs/{job_id(job)}/cancel", headers))
    return read_job(reply.body)


def erase(settings: Settings, job: str) -> Flow[types.ErasureReceipt]:
    """Erases a job's data. Asking twice is asking once."""
    reply = yield from call(settings, Request("DELETE", f"/v1/jobs/{job_id(job)}"))
    return cast(types.ErasureReceipt, read_object(reply.body, "remains"))


def retry(settings: Settings, job: str, key: str | None) -> Flow[types.Job]:
    """Makes a new job of one that failed, was called off or has expired: one, however often this is sent."""
    key = new_key() if key is None else idempotency_key(key)
    request = Request("POST", f"/v1/jobs/{job_id(job)}/retry", {"idempotency-key": key})
    return (yield from submit_request(settings, request, key))


def page(settings: Settings, status: str | None, model: str | None, cursor: str | None) -> Flow[types.JobPage]:
    """Some of the account's jobs, newest first."""
    pairs = {"status": status, "model": model, "limit": "100", "cursor": cursor}
    query = urlencode({name: value for name, value in pairs.items() if value is not None})
    reply = yield from call(settings, Request("GET", f"/v1/jobs?{query}"))
    found = read_object(reply.body, "jobs")
    cursor = found.get("cursor")
    if not isinstance(found["jobs"], list) or not (cursor is None or isinstance(cursor, str)):
        raise ForeignAnswerError("the list of jobs is none")
    jobs = [read_job(item) for item in found["jobs"]]
    return {"jobs": jobs, "cursor": cursor}


def read(settings: Settings, path: str, member: str) -> Flow[dict[str, Any]]:
    """An answer that holds at least this."""
    reply = yield from call(settings, Request("GET", path))
    return read_object(reply.body, member)


def read_job(body: bytes | Mapping[str, Any]) -> types.Job:
    """A job, of which nothing is believed but that it has an id and a status."""
    job = read_object(body, "status") if isinstance(body, bytes) else body
    if not isinstance(job, dict) or not is_job_id(job.get("id")) or not isinstance(job.get("status"), str):
        raise ForeignAnswerError("the answer is no job: is this the address of the service?")
    return cast(types.Job, job)


def read_object(body: bytes, member: str) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or member not in said:
        raise ForeignAnswerError("the answer is not the service's: is this its address?")
    return said


def new_key() -> str:
    """A random idempotency key."""
    return secrets.token_hex(16)
