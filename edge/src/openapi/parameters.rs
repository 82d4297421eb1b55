//! Parameters of paths, queries and header fields.

use forebay_contract::JobState;
use serde_json::{Value, json};

use super::Schemas;
use forebay_admission::{
    listing::{MOST, STATES, USUAL},
    query::MAX_WAIT_S,
};

fn path(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
}

fn query(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

fn header(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "header", "description": description, "schema": schema })
}

/// `{id}` of a job.
pub fn job_id(schemas: &mut Schemas) -> Value {
    path(
        "id",
        "The job's id. One of another account is answered like one that never was.",
        &schemas.given::<forebay_contract::JobId>(),
    )
}

/// `{id}` of an API key.
pub fn key_id() -> Value {
    path("id", "The key's id.", &json!({ "type": "string", "pattern": "^[0-9a-f]{12}$" }))
}

/// `{model}`
pub fn model() -> Value {
    path("model", "The model's name, or a task's.", &json!({ "type": "string", "examples": ["all-minilm-l6-v2"] }))
}

/// `wait`
pub fn wait() -> Value {
    let description = "Hold the answer until the job ends, up to so many seconds.";
    query("wait", description, &json!({ "type": "integer", "minimum": 0, "maximum": MAX_WAIT_S, "default": 0 }))
}

/// The model parameters of a bare submission.
pub fn of_model() -> Value {
    let mut parameter = query(
        "parameters",
        "The model's parameters, one `p.NAME=VALUE` each: `?p.top_k=3`. What reads as a number or a truth value is one.",
        &json!({
        "type": "object",
        "propertyNames": { "pattern": "^p\\.[a-z0-9_]+$" },
        "additionalProperties": { "type": ["string", "number", "boolean"] },
                }),
    );
    (parameter["style"], parameter["explode"]) = ("form".into(), true.into());
    parameter
}

/// `deadline_ms` and `not_before_ms` of a bare submission.
pub fn times() -> [Value; 2] {
    let time = json!({ "type": "integer", "format": "uint64", "minimum": 0 });
    [
        query("deadline_ms", "By when the result is worth having, at most 30 days from now.", &time),
        query("not_before_ms", "The job starts no earlier; at once where that has just passed.", &time),
    ]
}

/// Which part of a list of jobs.
pub fn listing(schemas: &mut Schemas) -> Vec<Value> {
    vec![
        query("status", "Jobs in this state alone.", &json!({ "type": "string", "enum": STATES.map(JobState::name) })),
        query("model", "Jobs of this model alone.", &json!({ "type": "string", "minLength": 1, "maxLength": 128 })),
        query(
            "limit",
            "The most jobs of the page.",
            &json!({ "type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL }),
        ),
        query("cursor", "Where the page before ended.", &schemas.given::<forebay_contract::JobId>()),
    ]
}

/// The days of usage.
pub fn days() -> [Value; 2] {
    let day = json!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" });
    [
        query("from", "The first day, in UTC; 29 days before the last unless said.", &day),
        query("to", "The last day, in UTC; today unless said. At most 400 days in all.", &day),
    ]
}

/// Which part of all keys.
pub fn keys() -> [Value; 2] {
    let account = json!({ "type": "string", "pattern": "^[a-z0-9._-]{1,64}$" });
    let cursor = json!({ "type": "string", "minLength": 1, "maxLength": 1024 });
    [
        query("account", "Keys of this account alone.", &account),
        query("cursor", "Where the page before ended.", &cursor),
    ]
}

/// `Prefer`
pub fn prefer() -> Value {
    let description = "`wait=N`: hold the answer until the job ends, up to N seconds (at most 60). `handling=strict`: \
                       nothing degraded answers in the place of what was asked for (RFC 7240).";
    header("Prefer", description, &json!({ "type": "string", "examples": ["wait=10"] }))
}

fn idempotency_key(description: &str) -> Value {
    let schema = json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-+\\--\\[\\]-~]+$" });
    header("Idempotency-Key", description, &schema)
}

/// `Idempotency-Key` of one among several submissions.
pub fn idempotency_key_of_one() -> Value {
    idempotency_key("The submission of this key alone is meant, where several of yours became one job.")
}

/// What a submission may say in its header, `Prefer` among it.
pub fn submission() -> Vec<Value> {
    vec![
        idempotency_key(
            "Sending the request again with the same key is not asking again, for a day: the job of the first is told.",
        ),
        prefer(),
        header(
            "X-Model-Version",
            "This version of the model, or a refusal.",
            &json!({ "type": "string", "examples": ["1"] }),
        ),
        header(
            "Cache-Control",
            "`no-cache`: no earlier result answers. `no-store`: nor is this one kept for others.",
            &json!({ "type": "string", "examples": ["no-cache"] }),
        ),
        header(
            "CF-Turnstile-Response",
            "The token of a solved challenge, after `challenge-required`.",
            &json!({ "type": "string", "maxLength": 2048 }),
        ),
        header(
            "traceparent",
            "W3C trace context: the job is followed under it through all parts.",
            &json!({ "type": "string", "examples": ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] }),
        ),
    ]
}

/// `If-None-Match`
pub fn if_none_match() -> Value {
    header("If-None-Match", "The entity tag of what the client has.", &json!({ "type": "string" }))
}

/// `Last-Event-ID`
pub fn last_event_id() -> Value {
    let schema = json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX });
    header("Last-Event-ID", "The number of the last event that the client has: what came after is told again.", &schema)
}
