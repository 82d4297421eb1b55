//! Examples. Jobs are made of what makes them in answers; the others are held to their schemas by a test.

use forebay_contract::{JobFailure, JobId, JobState, Lane, ShardKey};
use serde_json::{Value, json};

use crate::handlers::{health::Health, ready::Ready};
use forebay_account::{Job, JobBody, example};
use forebay_admission::{
    lane::position::{Eta, QueuePosition},
    readiness::Seen,
};

/// A key that opens nothing.
pub const SECRET: &str = "fb_0123456789abcdef0123456789abcdef0123456789a";
const ORIGIN: &str = "https://jobs.example.com";
const START_MS: u64 = example::START_MS;
const KEY_ID: &str = "9f86d081884c";

/// The id of the jobs below.
pub fn job_id() -> JobId {
    JobId::new(START_MS - 3, *b"0123456789", ShardKey::new("acme", 0))
}

fn job() -> Job {
    Job {
        id: job_id(),
        model: "efficientnet-lite0".to_owned(),
        parameters: json!({"top_k": 3}).to_string(),
        lane: Lane::PAID_LIGHT,
        ..example::queued()
    }
}

fn running() -> Job {
    Job {
        state: JobState::Running,
        attempt: 1,
        sent_ms: Some(START_MS + 8),
        received_ms: Some(START_MS + 49),
        started_ms: Some(START_MS + 52),
        batch_size: Some(4),
        worker: Some("worker-1".to_owned()),
        ..job()
    }
}

fn succeeded() -> Job {
    Job {
        state: JobState::Succeeded,
        finished_ms: Some(START_MS + 73),
        device_ms: Some(3.1),
        media_type: Some("application/json".to_owned()),
        bytes: Some(187),
        ..running()
    }
}

fn shown(job: &Job, queue: Option<QueuePosition>) -> Value {
    let mut body = JobBody::new(job, ORIGIN).unwrap();
    body.stands(queue);
    serde_json::to_value(body).unwrap()
}

/// A job that waits.
pub fn queued_job() -> Value {
    shown(&job(), Some(QueuePosition { position: 7, eta_ms: Eta { p50: 420, p90: 900 } }))
}

/// A job that runs.
pub fn running_job() -> Value {
    shown(&Job { done: Some(3), total: Some(8), ..running() }, None)
}

/// A job that has a result.
pub fn succeeded_job() -> Value {
    shown(&succeeded(), None)
}

/// A job that failed.
pub fn failed_job() -> Value {
    let JobFailure { code, detail, .. } = failure();
    let job = Job {
        state: JobState::Failed,
        finished_ms: Some(START_MS + 60),
        failure_code: Some(code),
        failure_detail: Some(detail),
        ..running()
    };
    shown(&job, None)
}

fn failure() -> JobFailure {
    let detail = "the picture is truncated: send it whole".to_owned();
    JobFailure { job_id: job_id(), code: forebay_contract::FailureCode::ImageUndecodable, detail }
}

/// A job that was called off.
pub fn canceled_job() -> Value {
    shown(&Job { state: JobState::Canceled, finished_ms: Some(START_MS + 30), ..job() }, None)
}

/// What an erasure is answered.
pub fn erasure_receipt(complete: bool) -> Value {
    let done = ["details", "result", "input", "failure", "cached-copies"];
    let removed = if complete { &done[..] } else { &["details"] };
    let numbers = json!({
        "what": "numbers",
        "until_ms": START_MS + 604_800_000,
        "why": "its row, without content",
    });
    json!({
        "job_id": job_id(),
        "erased_ms": START_MS + 90,
        "complete": complete,
        "removed": removed,
        "remains": [numbers],
    })
}

/// What the erasure of an account is answered.
pub fn account_erasure_receipt(complete: bool) -> Value {
    json!({
        "started_ms": START_MS + 90,
        "ended_ms": complete.then_some(START_MS + 4_090),
        "complete": complete,
        "jobs": if complete { 1_200 } else { 0 },
        "in_bucket": 0,
        "webhooks": 1,
        "remains": [{ "what": "api-keys", "until_ms": null, "why": "they are the operator's to revoke" }],
    })
}

/// An answer from the cache, with the result within.
pub fn cached_job() -> Value {
    let mut body = succeeded_job();
    body["cached"] = true.into();
    body["result"] = classes();
    body
}

/// A result.
pub fn classes() -> Value {
    json!({"classes": [
        {"index": 281, "label": "tabby", "probability": 0.62},
        {"index": 282, "label": "tiger cat", "probability": 0.21},
        {"index": 285, "label": "Egyptian cat", "probability": 0.08},
    ]})
}

/// The same job as an event stream tells it.
pub fn event_stream() -> String {
    format!(
        "retry: 2000\n\nid: 2\nevent: running\ndata: {}\n\nid: 3\nevent: succeeded\ndata: {}\n\n",
        running_job(),
        succeeded_job()
    )
}

/// Jobs that are to be done, by what they show.
pub fn new_jobs() -> [(&'static str, Value); 3] {
    [
        ("text", json!({"model": "all-minilm-l6-v2", "input": {"text": "A gate in the dam."}})),
        ("seed", json!({"model": "dcgan-faces", "parameters": {"seed": 7, "count": 4}})),
        ("picture", json!({"model": "efficientnet-lite0", "input": {"image": PICTURE}, "parameters": {"top_k": 3}})),
    ]
}

/// A PNG of 16 × 16 pixels, all of one colour.
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mOwzltKEmIY1TCqYfhqAAAnAU4QGe24+AAAAABJRU5ErkJggg==";

/// What a submission would come to.
pub fn plan() -> Value {
    json!({
        "decision": "accept", "model": "all-minilm-l6-v2", "version": "1", "because": "stable", "lane": "paid-light",
        "cost_ms": 4, "digest": example::queued().digest.to_hex(), "multiplier": 1.0,
        "queue": {
            "backlog_ms": 1200, "jobs": 31, "predicted_finish_ms": START_MS + 1210, "position": 31,
            "eta_ms": {"p50": 1204, "p90": 2407},
        },
        "limits": [{"name": "submit", "spends": 1, "remaining": 19}, {"name": "everybody", "spends": 1, "remaining": null}],
        "wait": null, "problem": null, "degraded": null,
    })
}

/// What a caller may ask for.
pub fn models() -> Value {
    json!({
        "models": [{
            "name": "efficientnet-lite0", "version": "1", "task": "image-classify",
            "title": "What is in a picture: 1,000 ImageNet classes", "licence": "Apache-2.0",
            "input": {
                "kind": "image", "media_types": ["image/jpeg", "image/png"], "max_bytes": 10_000_000,
                "image": {"min_side": 8, "max_pixels": 50_000_000},
            },
            "parameters": {"top_k": {"type": "integer", "min": 1, "max": 1000, "default": 5}},
            "eta_ms": {"p50": 40, "p90": 95},
            "submit_url": format!("{ORIGIN}/v1/models/efficientnet-lite0/jobs"),
        }],
        "plan": {"name": "pro", "limits": [limit_spec()]},
    })
}

fn limit_spec() -> Value {
    json!({
        "name": "submit", "dimension": "account", "algorithm": "token-bucket", "quantity": 20, "window": "1s",
        "unit": "requests",
    })
}

/// Limits and how they stand.
pub fn quota() -> Value {
    json!({
        "account": "acme", "plan": "pro",
        "limits": [
            {
                "name": "monthly", "dimension": "account", "algorithm": "fixed-window", "unit": "requests",
                "window": "month", "limit": 100_000, "used": 588, "remaining": 99_412, "resets_ms": START_MS + 864_000_000,
            },
            {
                "name": "in-flight", "dimension": "account", "algorithm": "in-flight", "unit": "requests", "window": null,
                "limit": 200, "used": 3, "remaining": 197, "resets_ms": null,
            },
        ],
        "unknown": [],
    })
}

/// Days and models.
pub fn usage() -> Value {
    json!({"days": [{
        "day": "2027-01-15", "model": "all-minilm-l6-v2", "succeeded": 120, "failed": 1, "canceled": 2, "expired": 0,
        "cached": 31, "degraded": 0, "device_ms": 412.5,
    }]})
}

/// The same as CSV.
pub const USAGE_CSV: &str = "day,model,succeeded,failed,canceled,expired,cached,degraded,device_ms\r\n\
                             2027-01-15,all-minilm-l6-v2,120,1,2,0,31,0,412.500\r\n";

/// A lane, as the operator sees it.
pub fn lanes() -> Value {
    json!({"lanes": [{
        "lane": "paid-light", "reachable": true, "depth": 28, "jobs": 31, "work_ms": 1200.0, "capacity_ms": 600_000,
        "rate": 930.0, "eta_ms": {"p50": 1240, "p90": 1900}, "spread": {"p50": 0.9, "p90": 1.4},
        "eta_error": {"samples": 128, "within_p50": 0.52, "within_p90": 0.91, "median_ms": 84.0}, "multiplier": 1.0,
        "breakers": [{"model": "dcgan-faces", "version": "2", "state": {"open": {"until_ms": START_MS + 4_000}}}],
    }]})
}

/// A key that is to be made.
pub fn new_key() -> Value {
    json!({"account": "acme", "plan": "pro", "name": "laptop", "expires_in_s": 7_776_000})
}

/// How its secret is changed.
pub fn rotation() -> Value {
    json!({"grace_s": 3600})
}

/// A key with its secret.
pub fn key() -> Value {
    json!({
        "id": KEY_ID, "account": "acme", "plan": "pro", "name": "laptop", "groups": [], "secret": SECRET,
        "created_ms": START_MS, "expires_ms": START_MS + 7_776_000_000_u64,
    })
}

/// The same with another one.
pub fn rotated_key() -> Value {
    let mut key = key();
    key["older_end_ms"] = (START_MS + 3_600_000).into();
    key
}

/// A page of keys.
pub fn keys() -> Value {
    let row = json!({
        "id": KEY_ID, "account": "acme", "plan": "pro", "name": "laptop", "created_ms": START_MS,
        "expires_ms": START_MS + 7_776_000_000_u64, "state": "valid",
    });
    json!({"keys": [row], "cursor": null})
}

/// A key that was revoked.
pub fn revoked_key() -> Value {
    json!({"id": KEY_ID, "revoked": true, "revoked_ms": START_MS})
}

/// A small catalog.
pub fn catalog() -> Value {
    json!({
        "models": [{
            "name": "double", "version": "1", "task": "tensor", "title": "Twice the numbers", "licence": "Apache-2.0",
            "work": "light", "shareable": false, "cost_ms": 0.5, "input": {"kind": "tensor", "max_bytes": 65_536},
            "parameters": {},
        }],
        "serving": {"double": {"version": "1"}},
        "plans": {"pro": {"class": "paid", "limits": [limit_spec()], "guaranteed": 0.5, "cached": "free", "keep_days": 7}},
        "lanes": {
            "paid": {"class": "paid", "weight": 8, "wait_ms": 5_000, "backlog_ms": 600_000, "rate": 1_000.0},
        },
        "identity": {},
    })
}

/// What is in force.
pub fn catalog_summary() -> Value {
    json!({"models": 1, "plans": 1})
}

/// What a worker says.
pub fn report() -> Value {
    json!({"worker": "worker-1", "events": [
        {"job_id": job_id(), "attempt": 1, "at_ms": START_MS + 52, "event": "started", "batch_size": 4},
        {
            "job_id": job_id(), "attempt": 1, "at_ms": START_MS + 73, "event": "succeeded",
            "media_type": "application/json", "bytes": 187, "device_ms": 3.1,
        },
    ]})
}

/// What it is answered.
pub fn report_answer() -> Value {
    json!({"canceled": [job_id()]})
}

/// One that lacks a setting.
pub fn unconfigured() -> Value {
    serde_json::to_value(Health::new(&["REPORT_SECRET"], &[])).unwrap()
}

/// An edge whose jobs get through.
pub fn ready() -> Value {
    serde_json::to_value(Ready::new(true, Some(seen()))).unwrap()
}

/// One whose workers are away.
pub fn not_ready() -> Value {
    let seen = Seen { worker_ms: Some(START_MS - 600_000), ..seen() };
    serde_json::to_value(Ready::new(true, Some(seen))).unwrap()
}

fn seen() -> Seen {
    Seen { at_ms: START_MS, queue: true, bucket: true, worker_ms: Some(START_MS - 20_000) }
}

/// An edge that runs.
pub fn health() -> Value {
    serde_json::to_value(Health::new(&[], &[])).unwrap()
}
