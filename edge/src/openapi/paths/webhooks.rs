//! Webhooks: endpoints, deliveries, and what is sent to them.

use forebay_contract::{
    JobId, JobState,
    ProblemCode::{self, *},
};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::super::{Answer, Body, Callers, Operation, Schemas, Tag, examples};

/// Where an account is called when its jobs end.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "described, never made")]
struct Webhook {
    id: String,
    url: String,
    events: Vec<JobEvent>,
    description: Option<String>,
    enabled: bool,
    /// Why nothing is sent any more.
    disabled_because: Option<DisabledBecause>,
    created_ms: u64,
    /// What `v1a` signatures are checked with: `whpk_` and base64.
    #[schemars(regex(pattern = r"^whpk_[A-Za-z0-9+/]+=*$"))]
    public_key: String,
    /// When its secret was changed last.
    rotated_ms: Option<u64>,
    /// What `v1` signatures are checked with: `whsec_` and base64. Shown when it is made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// What can be told of a job.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "described, never made")]
enum JobEvent {
    #[serde(rename = "job.succeeded")]
    Succeeded,
    #[serde(rename = "job.failed")]
    Failed,
    #[serde(rename = "job.canceled")]
    Canceled,
    #[serde(rename = "job.expired")]
    Expired,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "described, never made")]
enum DisabledBecause {
    /// It answered 410.
    Gone,
    /// It failed for too long.
    Failing,
    /// Its owner said so.
    ByYou,
}

/// A page of endpoints.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "described, never made")]
struct WebhookPage {
    webhooks: Vec<Webhook>,
}

/// An endpoint that is to be made.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "described, never made")]
struct NewWebhook {
    /// Where to call: `https`, and no private, loopback, link-local or metadata address.
    url: String,
    /// Which events; all unless said.
    events: Option<Vec<JobEvent>>,
    description: Option<String>,
}

/// What is to be another in an endpoint.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "described, never made")]
struct WebhookChange {
    url: Option<String>,
    events: Option<Vec<JobEvent>>,
    description: Option<String>,
    enabled: Option<bool>,
}

/// One message to one endpoint.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "described, never made")]
struct Delivery {
    /// The `webhook-id` that every try has.
    id: String,
    /// The event, or `webhook.test`.
    event: String,
    job_id: Option<JobId>,
    state: DeliveryState,
    attempts: u32,
    created_ms: u64,
    next_attempt_ms: Option<u64>,
    /// The latest try.
    last: Option<Attempt>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "described, never made")]
enum DeliveryState {
    /// It will be tried, or tried again.
    Pending,
    /// It was answered with 2xx.
    Delivered,
    /// It is tried no more.
    Failed,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "described, never made")]
struct Attempt {
    at_ms: u64,
    /// The HTTP status of the answer, if there was one.
    status: Option<u16>,
    error: Option<AttemptError>,
    took_ms: u64,
}

#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "described, never made")]
enum AttemptError {
    /// No answer within 15 seconds.
    Timeout,
    /// No connection.
    Unreachable,
    /// It leads elsewhere; nobody follows.
    Redirect,
    /// The address is not one that may be called.
    RefusedAddress,
    /// The status is no 2xx.
    Status,
}

/// A page of deliveries.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "described, never made")]
struct DeliveryPage {
    deliveries: Vec<Delivery>,
    cursor: Option<String>,
}

/// What an endpoint is sent: that something happened, and where to look.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "described, never made")]
struct WebhookMessage {
    r#type: String,
    /// RFC 3339.
    timestamp: String,
    data: WebhookData,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "described, never made")]
struct WebhookData {
    job_id: JobId,
    status: JobState,
    status_url: String,
    result_url: Option<String>,
}

const OF_A_BODY: &[ProblemCode] = &[
    InvalidQuery,
    InvalidHeader,
    UnsupportedMediaType,
    UnsupportedEncoding,
    BodyTooLarge,
    MalformedJson,
    InvalidField,
];

pub fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    let webhook = schemas.told::<Webhook>();
    let page = schemas.told::<WebhookPage>();
    let delivery = schemas.told::<Delivery>();
    let deliveries = schemas.told::<DeliveryPage>();
    let new = Body::json(&schemas.given::<NewWebhook>(), &[("all", json!({ "url": URL }))]);
    let change = Body::json(&schemas.given::<WebhookChange>(), &[("off", json!({ "enabled": false }))]);
    let told = |status, description| Answer::json(status, description, &webhook, &[]).with(&["Cache-Control"]);
    let sent = |status, description| Answer::json(status, description, &delivery, &[]).with(&["Cache-Control"]);
    let id = || vec![segment("id", "^wh_")];
    vec![
        Operation {
            description: "`secret` is shown here and after a rotation, and never again. At most sixteen an account.",
            body: Some(new),
            problems: OF_A_BODY,
            ..operation(
                "POST",
                "/v1/webhooks",
                "createWebhook",
                "Make an endpoint",
                vec![
                    Answer::json(201, "The endpoint with its secret.", &webhook, &[])
                        .with(&["Location", "Cache-Control"]),
                ],
            )
        },
        operation(
            "GET",
            "/v1/webhooks",
            "listWebhooks",
            "List your endpoints",
            vec![Answer::json(200, "The endpoints.", &page, &[]).with(&["Cache-Control"])],
        ),
        Operation {
            parameters: id(),
            ..operation("GET", "/v1/webhooks/{id}", "getWebhook", "See an endpoint", vec![told(200, "The endpoint.")])
        },
        Operation {
            parameters: id(),
            body: Some(change),
            problems: OF_A_BODY,
            ..operation(
                "PATCH",
                "/v1/webhooks/{id}",
                "changeWebhook",
                "Change an endpoint",
                vec![told(200, "As it is now.")],
            )
        },
        Operation {
            parameters: id(),
            ..operation(
                "DELETE",
                "/v1/webhooks/{id}",
                "deleteWebhook",
                "Remove an endpoint",
                vec![Answer::empty(204, "It is gone.").with(&["Cache-Control"])],
            )
        },
        Operation {
            description: "For a day both secrets sign.",
            parameters: id(),
            ..operation(
                "POST",
                "/v1/webhooks/{id}/rotate",
                "rotateWebhook",
                "Change an endpoint's secret",
                vec![told(200, "The endpoint with its new secret.")],
            )
        },
        Operation {
            parameters: id(),
            ..operation(
                "POST",
                "/v1/webhooks/{id}/test",
                "testWebhook",
                "Send a test",
                vec![sent(202, "The delivery.")],
            )
        },
        Operation {
            parameters: [id(), page_parameters()].concat(),
            ..operation(
                "GET",
                "/v1/webhooks/{id}/deliveries",
                "listDeliveries",
                "See what was sent",
                vec![Answer::json(200, "Newest first.", &deliveries, &[]).with(&["Cache-Control"])],
            )
        },
        Operation {
            description: "With the same `webhook-id`.",
            parameters: [id(), vec![segment("delivery", "^msg_")]].concat(),
            ..operation(
                "POST",
                "/v1/webhooks/{id}/deliveries/{delivery}/replay",
                "replayDelivery",
                "Send something again",
                vec![sent(202, "The delivery, pending again.")],
            )
        },
    ]
}

const URL: &str = "https://example.com/hooks/forebay";
/// Of an endpoint that there is not.
const NOT_FOUND: &[ProblemCode] = &[InvalidQuery];

/// What the service sends, by event.
pub fn sent(schemas: &mut Schemas) -> Map<String, Value> {
    let message = schemas.told::<WebhookMessage>();
    let header = |name: &str, description: &str| {
        let schema = json!({ "type": "string" });
        json!({ "name": name, "in": "header", "required": true, "description": description, "schema": schema })
    };
    let signature = "`v1,` and base64 of HMAC-SHA256, `v1a,` and base64 of ed25519, over `id.timestamp.body`; several, with \
                     spaces between, while a secret changes.";
    let job_id = examples::job_id();
    let example = json!({
        "type": "job.succeeded", "timestamp": "2027-01-15T08:00:00.073Z",
        "data": {
            "job_id": job_id, "status": "succeeded",
            "status_url": format!("https://jobs.example.com/v1/jobs/{job_id}"),
            "result_url": format!("https://jobs.example.com/v1/jobs/{job_id}/result"),
        },
    });
    let post = json!({
        "summary": "A job has ended",
        "description": "As Standard Webhooks 1.0 has it. Answer 2xx within 15 seconds; else it is sent again, ten times in \
                        three days. 410 ends it for good.",
        "tags": [Tag::Webhooks.name()],
        "parameters": [
            header("webhook-id", "The same for every try: who has seen it need not look again."),
            header("webhook-timestamp", "Seconds since the Unix epoch, of this try."),
            header("webhook-signature", signature),
        ],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": message, "examples": { "succeeded": { "value": example } } } },
        },
        "responses": { "2XX": { "description": "Heard." }, "410": { "description": "Send nothing more." } },
    });
    Map::from_iter([("jobEnded".to_owned(), json!({ "post": post }))])
}

fn segment(name: &str, pattern: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "pattern": pattern } })
}

fn page_parameters() -> Vec<Value> {
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 20 });
    vec![
        json!({ "name": "limit", "in": "query", "schema": limit }),
        json!({ "name": "cursor", "in": "query", "schema": { "type": "string", "minLength": 1 } }),
    ]
}

fn operation(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    answers: Vec<Answer>,
) -> Operation {
    Operation {
        method,
        path,
        id,
        summary,
        description: "",
        tag: Tag::Webhooks,
        callers: Callers::Accounts,
        parameters: Vec::new(),
        body: None,
        answers,
        problems: NOT_FOUND,
    }
}
