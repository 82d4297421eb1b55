"""What the service's answers hold.

Made from its OpenAPI document (0.1.0) by tools/make_types.py: not edited by hand.
New members may come to answers, and new values to lists: ignore what you do not know.
"""

from __future__ import annotations

import sys
from typing import Any, Final, Literal, TypeAlias, TypedDict

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired


# How a limit counts.
Algorithm: TypeAlias = Literal[
    "token-bucket", "leaky-bucket", "fixed-window", "sliding-window", "sliding-log", "in-flight",
]

# Why this version.
Because: TypeAlias = Literal["header", "group", "plan", "weight", "stable", "fallback"]

# What happens to a submission beyond a limit.
Beyond: TypeAlias = Literal["reject", "degrade", "challenge"] | dict[str, Any]

Decision: TypeAlias = Literal["undecided", "accept", "join", "cached", "refuse", "wait"]

# Why another answer than the one asked for is given.
Degraded: TypeAlias = Literal["lighter-model", "stale-result"]

# Why a try failed.
DeliveryError: TypeAlias = Literal["timeout", "unreachable", "redirect", "refused-address", "status"]

# A delivery's id, which is its `webhook-id`: `msg_`, the millisecond it was made in and 80 random bits, in…
DeliveryId: TypeAlias = str

# Where a delivery stands.
DeliveryState: TypeAlias = Literal["pending", "delivered", "failed"]

# The name of a result: SHA-256 of model, version, parameters and input, in hex.
Digest: TypeAlias = str

# What a limit counts together.
Dimension: TypeAlias = Literal["account", "key", "ip", "endpoint", "model", "lane", "global"]

# Why nothing is sent to a webhook.
DisabledBecause: TypeAlias = Literal["gone", "failing", "by_you"]

# What there is of a job.
ErasurePart: TypeAlias = Literal[
    "input", "result", "failure", "details", "cached-copies", "queued-message", "fingerprint", "idempotency-key",
    "api-keys", "numbers", "recovery",
]

# What can happen to a job.
EventName: TypeAlias = Literal[
    "queued", "running", "progress", "returned", "succeeded", "failed", "canceled", "expired",
]

# Why a job failed: a closed list, shown to clients as `failure.code`.
FailureCode: TypeAlias = Literal[
    "image-undecodable", "image-too-large", "image-too-small", "image-unsupported", "image-animated",
    "input-mislabelled", "text-invalid", "text-empty", "text-too-long", "text-not-utf8", "context-exceeded",
    "tensor-invalid", "tensor-shape", "tensor-type", "tensor-not-finite", "audio-undecodable", "audio-unsupported",
    "input-mismatch", "parameter-missing", "input-missing", "model-unavailable", "execution-failed", "output-invalid",
    "out-of-memory", "undeliverable", "work-too-long", "abandoned",
]

# What kind of thing a model takes.
InputKind: TypeAlias = Literal["none", "text", "image", "audio", "tensor"]

# How a job can end.
JobEvent: TypeAlias = Literal["job.succeeded", "job.failed", "job.canceled", "job.expired"]

# A job's id.
JobId: TypeAlias = str

# The states of a job.
JobState: TypeAlias = Literal["queued", "running", "succeeded", "failed", "canceled", "expired"]

# The name of a lane: the queue in which a job waits.
Lane: TypeAlias = str

# What a model says of one of its parameters, in `model.toml` under `[model.parameters.NAME]`.
ParameterSpec: TypeAlias = dict[str, Any]

# One parameter's value.
ParameterValue: TypeAlias = bool | int | float | str

# Every way the edge refuses: a closed list, shown to clients as `code`.
ProblemCode: TypeAlias = Literal[
    "route-not-found", "method-not-allowed", "missing-credentials", "invalid-credentials", "malformed-credentials",
    "revoked-credentials", "expired-credentials", "premature-credentials", "wrong-audience", "wrong-issuer",
    "refused-algorithm", "unknown-plan", "issuer-unavailable", "too-many-attempts", "too-many-headers",
    "key-not-found", "invalid-signature", "body-too-large", "unsupported-media-type", "unsupported-encoding",
    "malformed-json", "invalid-field", "invalid-query", "invalid-header", "invalid-parameter", "input-mismatch",
    "input-invalid", "image-unrecognized", "image-too-large", "image-too-small", "image-unsupported",
    "context-exceeded", "work-too-long", "model-not-found", "version-not-found", "invalid-deadline",
    "invalid-not-before", "deadline-infeasible", "invalid-idempotency-key", "idempotency-mismatch",
    "idempotency-in-progress", "malformed-job-id", "job-not-found", "job-not-cancelable", "job-not-retryable",
    "job-canceled", "job-failed", "job-expired", "job-erased", "erasure-not-found", "upgrade-required",
    "too-many-listeners", "message-too-large", "too-many-watched", "webhook-not-found", "delivery-not-found",
    "webhook-target-refused", "webhook-disabled", "too-many-webhooks", "resolver-unavailable", "rate-limited",
    "challenge-required", "challenge-failed", "challenge-unavailable", "lane-full", "model-unavailable",
    "outbox-full", "account-full", "storage-unavailable", "account-busy", "internal",
]

# What one submission counts as.
Unit: TypeAlias = Literal["requests", "cost"]

# What a webhook can be called for.
WebhookEvent: TypeAlias = Literal["job.succeeded", "job.failed", "job.canceled", "job.expired", "webhook.test"]

# A webhook's id: `wh_` and 96 random bits in hex.
WebhookId: TypeAlias = str

# How long a limit counts: seconds, minutes, hours or days, or the calendar's day or month in UTC.
Window: TypeAlias = str


class AccountErasureReceipt(TypedDict):
    """What was erased of an account, how far that is, and what remains."""

    complete: bool
    """Whether tables and bucket are done."""
    ended_ms: int | None
    """When the account's tables were done;"""
    in_bucket: int
    """Of how many of them the bucket has not removed everything yet;"""
    jobs: int
    """How many jobs were erased so far."""
    remains: list[ErasureRemainder]
    """What is still there, until when at most and why."""
    started_ms: int
    """When it was asked for, in milliseconds since the epoch."""
    webhooks: int
    """How many webhooks were taken away, with their secrets and deliveries."""


class Backlog(TypedDict):
    """A job's position: the `queue` of the answers."""

    backlog_ms: int
    eta_ms: Eta
    """Until its end."""
    jobs: int
    position: int
    """1 is next."""
    predicted_finish_ms: int


class Batch(TypedDict):
    """The device's batch that a job ran in."""

    id: str
    size: int | None


class Challenge(TypedDict):
    """A challenge that lets a caller through."""

    header: str
    """The request header that carries the widget's token."""
    kind: str
    """Whose widget solves it: `turnstile`."""
    site_key: str
    """The widget's public key."""


class Delivery(TypedDict):
    """A delivery as its owner sees it."""

    attempts: int
    """How often it was tried."""
    created_ms: int
    """When it was made, in milliseconds since the epoch."""
    event: WebhookEvent
    """What it tells."""
    id: DeliveryId
    """Its id, which is its `webhook-id`."""
    job_id: JobId | None
    """Of which job;"""
    last: LastAttempt | None
    """The latest try;"""
    next_attempt_ms: int | None
    """When it is tried next;"""
    state: DeliveryState
    """Where it stands."""


class DeliveryPage(TypedDict):
    """Deliveries of a webhook, newest first."""

    cursor: DeliveryId | None
    """Where the next page begins;"""
    deliveries: list[Delivery]
    """They."""


class EndedJob(TypedDict):
    """The job that ended."""

    job_id: JobId
    """Its id."""
    result_url: str | None
    """Where its result is;"""
    status: str
    """Its state."""
    status_url: str
    """Where to ask about it."""


class ErasureReceipt(TypedDict):
    """What was erased of a job, and what remains of it."""

    complete: bool
    """Whether the bucket has removed all that was to be removed;"""
    erased_ms: int
    """When it was erased, in milliseconds since the epoch."""
    job_id: JobId
    """The job."""
    remains: list[ErasureRemainder]
    """What is still there, until when and why."""
    removed: list[ErasurePart]
    """What is gone."""


class ErasureRemainder(TypedDict):
    """Something that is still there."""

    job_id: NotRequired[JobId | None]
    """The job that needs it."""
    until_ms: int | None
    """Until when at most, in milliseconds since the epoch;"""
    what: ErasurePart
    """What."""
    why: str
    """Why, for people."""


class Eta(TypedDict):
    """Milliseconds from now."""

    p50: int
    """Met half of the time."""
    p90: int
    """Met nine times of ten."""


class Failure(TypedDict):
    """Failure."""

    code: FailureCode
    detail: str
    retryable: bool


class Health(TypedDict):
    """That it runs, and whether it is configured."""

    configured: bool
    """Whether all settings are there and can be read."""
    missing: NotRequired[list[str]]
    """The names of settings that are not there."""
    status: str
    """`ok`, or `unconfigured`: the Worker runs, and answers everything else with 500."""
    version: str
    """The edge's version."""
    wrong: NotRequired[list[str]]
    """The names of settings that are there and cannot be;"""


class ImageLimits(TypedDict):
    """What pictures a model takes."""

    max_pixels: int
    """The most pixels, width × height."""
    min_side: int
    """The shortest side, in pixels."""


class Job(TypedDict):
    """A job as clients see it."""

    attempt: int
    batch_size: int | None
    cached: bool
    """Whether the result was there before the client asked."""
    cost_ms: int
    deadline_ms: int | None
    """It expires when it has not started by then."""
    degraded: bool
    """Whether something else answers than was asked for."""
    degraded_reason: NotRequired[Degraded | None]
    """Why."""
    device_ms: float | None
    erased_ms: NotRequired[int | None]
    """When its data was erased: what is left are numbers."""
    failure: NotRequired[Failure | None]
    id: JobId
    lane: Lane
    model: str
    not_before_ms: int | None
    """It starts no earlier."""
    parameters: dict[str, ParameterValue]
    progress: Steps | None
    """Steps;"""
    queue: Place | None
    """Where it stands;"""
    result: NotRequired[Any]
    """The result itself, where it was at hand."""
    result_url: str
    retry_of: NotRequired[JobId | None]
    """The job that it runs again."""
    served_model: str
    """`model@version`: what runs, whatever was asked for."""
    status: JobState
    status_url: str
    timeline: Timeline
    version: str
    worker: str | None


class JobFailure(TypedDict):
    """A stored failure: the JSON at `crate::storage_key::failure` and within reports."""

    code: FailureCode
    """Why, for programs."""
    detail: str
    """Why and what to do, for people."""
    job_id: JobId
    """The job that failed."""


class JobPage(TypedDict):
    """A page of a list."""

    cursor: str | None
    """Where the next page begins;"""
    jobs: list[Job]


class LastAttempt(TypedDict):
    """A try of a delivery."""

    at_ms: int
    """When it began, in milliseconds since the epoch."""
    error: DeliveryError | None
    """What was wrong;"""
    status: int | None
    """The status of the answer;"""
    took_ms: int
    """How long it took."""


class LimitSpec(TypedDict):
    """One limit: `quantity` units a `window`."""

    algorithm: Algorithm
    """How it is counted."""
    beyond: NotRequired[Beyond]
    """What happens to a submission beyond the limit."""
    dimension: Dimension
    """What is counted together."""
    name: str
    """The name that refusals and the RateLimit fields give."""
    quantity: int
    """How many units a window."""
    unit: Unit
    """What one submission counts as."""
    window: NotRequired[Window | None]
    """The window;"""


class LimitStanding(TypedDict):
    """LimitStanding."""

    algorithm: Algorithm
    dimension: Dimension
    limit: int
    """As it holds now: a plan's own rates fall while a lane is full."""
    name: str
    remaining: int
    resets_ms: int | None
    """When nothing of it is used any more, in milliseconds since the epoch;"""
    scope: NotRequired[str | None]
    """What a shared limit counts together."""
    unit: Unit
    used: int
    window: Window | None


class Model(TypedDict):
    """Model."""

    eta_ms: NotRequired[Eta | None]
    """Until the end of a job that came when this was written."""
    input: ModelInput
    licence: str
    name: str
    parameters: dict[str, ParameterSpec]
    submit_url: str
    task: str
    title: str
    version: str


class ModelInput(TypedDict):
    """ModelInput."""

    image: NotRequired[ImageLimits | None]
    kind: InputKind
    max_bytes: int
    media_types: list[str]


class Models(TypedDict):
    """What a caller may ask for."""

    models: list[Model]
    plan: OwnPlan


class NewInput(TypedDict):
    """What a model reads: one of the three."""

    image: NotRequired[str | None]
    """A JPEG, PNG, WebP, GIF, BMP or TIFF, as base64 (RFC 4648 §4) or a data URI;"""
    tensor: NotRequired[list[Any] | None]
    """Numbers, as nested arrays of the shape that the model declares, without the batch dimension."""
    text: NotRequired[str | None]
    """A text;"""


class NewJob(TypedDict):
    """A job that is to be done."""

    deadline_ms: NotRequired[int | None]
    """By when the result is worth having, at most 30 days from now."""
    input: NotRequired[NewInput | None]
    """What the model reads;"""
    model: str
    """The model's name, or a task's: `GET /v1/models` lists them."""
    not_before_ms: NotRequired[int | None]
    """The job starts no earlier."""
    parameters: NotRequired[dict[str, ParameterValue] | None]
    """The model's parameters, by name;"""


class NewWebhook(TypedDict):
    """A webhook that is to be made."""

    description: NotRequired[str | None]
    """What its owner calls it."""
    events: NotRequired[list[JobEvent] | None]
    """Of what;"""
    url: str
    """Where to send: `https`, and no private, loopback, link-local or metadata address."""


class OwnPlan(TypedDict):
    """OwnPlan."""

    limits: list[LimitSpec]
    name: str


class Place(TypedDict):
    """Place."""

    eta_ms: Eta
    """Until its end."""
    lane: Lane
    position: int
    """1 is next."""


class Plan(TypedDict):
    """What a submission would come to."""

    because: Because
    """Why this version."""
    cost_ms: int
    """What the limits that count cost would count."""
    decision: Decision
    degraded: Degraded | None
    """What would answer instead."""
    digest: Digest
    lane: Lane
    limits: list[Spending]
    model: str
    multiplier: float
    """What the plan's own rates are multiplied by while the lane is full."""
    problem: Problem | None
    """Why it would be refused."""
    queue: Backlog
    version: str
    wait: Turn | None
    """How long limits would keep it waiting, where they would."""


class Problem(TypedDict):
    """Problem details (RFC 9457): what every refusal looks like."""

    admitting_plans: NotRequired[list[str]]
    """The plans that would have admitted the request, with 429."""
    challenge: NotRequired[Challenge | None]
    """What is to be solved, with `challenge-required`."""
    code: ProblemCode
    """Which of the closed list."""
    detail: str
    """What the caller should do about this occurrence."""
    earliest_feasible_ms: NotRequired[int | None]
    """The earliest deadline that can be met, in milliseconds since the epoch, with `deadline-infeasible`."""
    failure: NotRequired[JobFailure | None]
    """Why the job failed, with 424."""
    request_id: NotRequired[str]
    """The id that the log knows the request by."""
    retryable: bool
    """Whether the same request may succeed later."""
    status: int
    """The HTTP status."""
    title: str
    """One line for people, the same for every occurrence."""
    type: str
    """The problem type's URI."""
    violated_policies: NotRequired[list[str]]
    """The limits that refused, with 429 and `challenge-required`."""


class Quota(TypedDict):
    """Every limit of a caller."""

    account: str
    limits: list[LimitStanding]
    plan: str
    unknown: list[str]
    """Shared limits whose keeper did not answer: they hold, and nothing is known of them at the moment."""


class Ready(TypedDict):
    """Whether jobs get through, and what is missing if not."""

    bucket: bool
    """Whether the bucket answers."""
    configured: bool
    """Whether the edge has all of its settings."""
    looked_ms: int | None
    """When this was looked at;"""
    queue: bool
    """Whether a queue answers."""
    status: str
    """`ready` or `not-ready`"""
    worker: bool
    """Whether a worker was heard of in the last three minutes."""
    worker_heard_ms: int | None
    """When one was last heard of;"""


class Spending(TypedDict):
    """Spending."""

    name: str
    remaining: int | None
    """What would be left;"""
    spends: int
    """What it would count."""


class Step(TypedDict):
    """Something that happened."""

    at_ms: int
    attempt: int
    """The attempt that it speaks of;"""
    event: EventName


class Steps(TypedDict):
    """Steps."""

    done: int
    total: int


class Timeline(TypedDict):
    """Milliseconds since the epoch;"""

    accepted_ms: int
    batch: Batch | None
    events: list[Step]
    """What happened to it, oldest first."""
    finished_ms: int | None
    received_ms: int | None
    requested_ms: int
    """When the request came."""
    sent_ms: int | None
    stages: dict[str, int]
    """How many milliseconds each stage had it, those that it has been through."""
    started_ms: int | None


class Turn(TypedDict):
    """A wait for a limit."""

    expected_ms: int
    """Milliseconds until it passes, after all who wait already."""
    most_ms: int
    """Milliseconds after which it would be refused."""


class Usage(TypedDict):
    """What an account has used."""

    days: list[UsageRow]


class UsageRow(TypedDict):
    """One model's jobs of one day."""

    cached: int
    """Submissions that a stored result answered."""
    canceled: int
    """Jobs that were called off."""
    day: str
    """The day (UTC), `YYYY-MM-DD`."""
    degraded: int
    """Jobs that something else answered than was asked for."""
    device_ms: float
    """Device milliseconds."""
    expired: int
    """Jobs whose deadline passed before they started, or that nobody heard of again."""
    failed: int
    """Jobs that failed."""
    model: str
    """The model's name."""
    succeeded: int
    """Jobs with a result, stored ones that answered among them."""


class Webhook(TypedDict):
    """A webhook as its owner sees it."""

    created_ms: int
    """When it was made, in milliseconds since the epoch."""
    description: str | None
    """What its owner calls it."""
    disabled_because: DisabledBecause | None
    """Why not."""
    enabled: bool
    """Whether anything is sent to it."""
    events: list[WebhookEvent]
    """What it is told of."""
    id: WebhookId
    """Its id."""
    public_key: str
    """What checks its `v1a` signatures: `whpk_` and the key in base64."""
    rotated_ms: int | None
    """When its keys were changed last."""
    secret: NotRequired[str | None]
    """What checks its `v1` signatures: `whsec_` and the secret in base64."""
    url: str
    """Where deliveries are posted to."""


class WebhookChange(TypedDict):
    """What is to be different about a webhook."""

    description: NotRequired[str | None]
    """What its owner calls it;"""
    enabled: NotRequired[bool | None]
    """Whether anything is sent."""
    events: NotRequired[list[JobEvent] | None]
    """Of what."""
    url: NotRequired[str | None]
    """Where to send, also what waits already."""


class WebhookList(TypedDict):
    """All webhooks of an account, oldest first."""

    webhooks: list[Webhook]
    """They."""


class WebhookMessage(TypedDict):
    """The body of a delivery."""

    data: EndedJob
    """To what."""
    timestamp: str
    """When, by RFC 3339."""
    type: WebhookEvent
    """What happened."""


# The HTTP status that a problem comes with, for all that come with one.
STATUS_OF_CODE: Final[dict[str, int]] = {
    "missing-credentials": 401,
    "invalid-credentials": 401,
    "malformed-credentials": 401,
    "revoked-credentials": 401,
    "expired-credentials": 401,
    "premature-credentials": 401,
    "wrong-audience": 401,
    "wrong-issuer": 401,
    "refused-algorithm": 401,
    "unknown-plan": 403,
    "issuer-unavailable": 503,
    "too-many-attempts": 429,
    "too-many-headers": 431,
    "key-not-found": 404,
    "invalid-signature": 401,
    "body-too-large": 413,
    "unsupported-media-type": 415,
    "unsupported-encoding": 415,
    "malformed-json": 400,
    "invalid-field": 422,
    "invalid-query": 400,
    "invalid-header": 400,
    "invalid-parameter": 422,
    "input-mismatch": 422,
    "input-invalid": 422,
    "image-unrecognized": 422,
    "image-too-large": 422,
    "image-too-small": 422,
    "image-unsupported": 422,
    "context-exceeded": 422,
    "work-too-long": 422,
    "model-not-found": 404,
    "version-not-found": 404,
    "invalid-deadline": 422,
    "invalid-not-before": 422,
    "deadline-infeasible": 422,
    "invalid-idempotency-key": 400,
    "idempotency-mismatch": 422,
    "idempotency-in-progress": 409,
    "malformed-job-id": 400,
    "job-not-found": 404,
    "job-not-cancelable": 409,
    "job-not-retryable": 409,
    "job-canceled": 409,
    "job-failed": 424,
    "job-expired": 410,
    "job-erased": 410,
    "erasure-not-found": 404,
    "upgrade-required": 426,
    "too-many-listeners": 429,
    "webhook-not-found": 404,
    "delivery-not-found": 404,
    "webhook-target-refused": 400,
    "webhook-disabled": 409,
    "too-many-webhooks": 409,
    "resolver-unavailable": 503,
    "rate-limited": 429,
    "challenge-required": 403,
    "challenge-failed": 403,
    "challenge-unavailable": 503,
    "lane-full": 503,
    "model-unavailable": 503,
    "outbox-full": 503,
    "account-full": 503,
    "storage-unavailable": 503,
    "account-busy": 503,
    "internal": 500,
}
