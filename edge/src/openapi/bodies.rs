//! Bodies of requests that are read field by field: no type of the service's own holds them. The tests send what is
//! described here through what reads it.
#![expect(dead_code, reason = "described, never made")]

use std::collections::BTreeMap;

use forebay_contract::ParameterValue;
use schemars::JsonSchema;
use serde_json::Value;

/// A job that is to be done.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewJob {
    /// The model's name, or a task's: `GET /v1/models` lists them.
    model: String,
    /// What the model reads; nothing for models whose parameters say it all.
    input: Option<NewInput>,
    /// The model's parameters, by name; the defaults where they are not said.
    parameters: Option<BTreeMap<String, ParameterValue>>,
    /// By when the result is worth having, at most 30 days from now. A job that has not started by then expires.
    deadline_ms: Option<u64>,
    /// The job starts no earlier. A moment that has just passed is now; one of long ago is refused.
    not_before_ms: Option<u64>,
}

/// What a model reads: one of the three.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("maxProperties" = 1))]
pub struct NewInput {
    /// A text; not a blank one, and no longer than the model takes.
    text: Option<String>,
    /// A JPEG, PNG, WebP, GIF, BMP or TIFF, as base64 (RFC 4648 §4) or a data URI; line breaks, the URL-safe alphabet and no
    /// padding are read.
    #[schemars(extend("contentEncoding" = "base64"))]
    image: Option<String>,
    /// Numbers, as nested arrays of the shape that the model declares, without the batch dimension.
    #[schemars(with = "Option<Vec<Value>>")]
    tensor: Option<Vec<Value>>,
}

/// An API key that is to be made.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// Who is billed and limited.
    #[schemars(regex(pattern = r"^[a-z0-9._-]{1,64}$"))]
    account: String,
    /// The name of a plan in the catalog.
    plan: String,
    /// What its owner calls the key.
    #[schemars(length(max = 100))]
    name: Option<String>,
    /// The groups its callers are in.
    #[schemars(length(max = 8))]
    groups: Option<Vec<String>>,
    /// How long the key lives, in seconds; until it is revoked unless said.
    #[schemars(range(min = 60, max = 315_360_000))]
    expires_in_s: Option<u64>,
}

/// A webhook that is to be made.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where to send: `https`, and no private, loopback, link-local or metadata address.
    #[schemars(length(min = 1, max = 2048))]
    url: String,
    /// Of what; of every end of a job unless said.
    events: Option<Vec<JobEvent>>,
    /// What its owner calls it.
    #[schemars(length(max = 200))]
    description: Option<String>,
}

/// What is to be different about a webhook.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    /// Where to send, also what waits already.
    #[schemars(length(min = 1, max = 2048))]
    url: Option<String>,
    /// Of what.
    events: Option<Vec<JobEvent>>,
    /// What its owner calls it; empty or `null` takes it away.
    #[schemars(length(max = 200))]
    description: Option<String>,
    /// Whether anything is sent.
    enabled: Option<bool>,
}

/// How a job can end.
#[derive(JsonSchema)]
pub enum JobEvent {
    #[serde(rename = "job.succeeded")]
    Succeeded,
    #[serde(rename = "job.failed")]
    Failed,
    #[serde(rename = "job.canceled")]
    Canceled,
    #[serde(rename = "job.expired")]
    Expired,
}

/// What becomes of the older secrets.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// How long they go on, in seconds; a day unless said.
    #[schemars(range(min = 0, max = 2_592_000))]
    grace_s: Option<u64>,
}

/// What a WebSocket says of a job.
#[derive(JsonSchema)]
pub struct SocketEvent<'a> {
    /// `job`
    r#type: &'a str,
    /// What happened.
    event: forebay_account::EventName,
    /// The event's number within the job, from 1.
    id: u32,
    /// The job as it was then.
    job: forebay_account::JobBody<'a>,
}

/// What a WebSocket says when it cannot do what it was asked.
#[derive(JsonSchema)]
pub struct SocketError<'a> {
    /// `error`
    r#type: &'a str,
    /// Why.
    problem: forebay_contract::Problem,
    /// The id that was asked for, if it was about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
}

mod tests {
    use forebay_contract::catalog::Catalog;
    use schemars::JsonSchema;
    use serde_json::{Value, json};

    use super::super::examples;
    use forebay_admission::{
        Refusal,
        api_key::{self, grace_ms},
        decode, webhook,
    };

    /// The names that a refusal of an unknown field lists, and those of the schema.
    fn names<T: JsonSchema>(refused: &Refusal) -> (Vec<String>, Vec<String>) {
        let (_, allowed) = refused.detail.split_once("allowed are ").expect("it lists what is allowed");
        let mut allowed: Vec<String> = allowed.split(", ").map(str::to_owned).collect();
        allowed.sort();
        let schema = schemars::schema_for!(T).to_value();
        (allowed, schema["properties"].as_object().unwrap().keys().cloned().collect())
    }

    fn catalog() -> Catalog {
        Catalog::from_json(&examples::catalog().to_string()).unwrap()
    }

    fn bytes(value: &Value) -> Vec<u8> {
        value.to_string().into_bytes()
    }

    #[test]
    fn bodies_have_the_fields_that_are_read() {
        let unknown = bytes(&json!({"?": 1}));
        let (read, described) = names::<super::NewJob>(&decode::json(&unknown).unwrap_err());
        assert_eq!(read, described);
        let input = bytes(&json!({"model": "m", "input": {"?": 1}}));
        let (read, described) = names::<super::NewInput>(&decode::json(&input).unwrap_err());
        assert_eq!(read, described);
        let (read, described) = names::<super::NewKey>(&api_key::NewKey::read(&unknown, &catalog()).unwrap_err());
        assert_eq!(read, described);
        let (read, described) = names::<super::NewWebhook>(&webhook::NewWebhook::read(&unknown).unwrap_err());
        assert_eq!(read, described);
        let (read, described) = names::<super::WebhookChange>(&webhook::WebhookChange::read(&unknown).unwrap_err());
        assert_eq!(read, described);
        let (read, described) = names::<super::Rotation>(&grace_ms(&unknown).unwrap_err());
        assert_eq!(read, described);
    }

    #[test]
    fn examples_are_read() {
        for (name, example) in examples::new_jobs() {
            decode::json(&bytes(&example)).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
        }
        api_key::NewKey::read(&bytes(&examples::new_key()), &catalog()).unwrap();
        grace_ms(&bytes(&examples::rotation())).unwrap();
        serde_json::from_value::<forebay_contract::Report>(examples::report()).unwrap();
    }
}
