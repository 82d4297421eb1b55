//! Webhooks: endpoints, deliveries, and what is sent to them.

use forebay_contract::ProblemCode::{self, *};
use serde_json::{Map, Value, json};

use super::super::{
    Answer, Body, Callers, Operation, Schemas, Tag,
    bodies::{NewWebhook, WebhookChange},
    examples,
};
use forebay_account::{DeliveryBody, DeliveryPage, JobData, Payload, WebhookBody, WebhookList};

const OF_NEW: &[ProblemCode] = &[
    InvalidQuery,
    InvalidHeader,
    UnsupportedMediaType,
    UnsupportedEncoding,
    BodyTooLarge,
    MalformedJson,
    InvalidField,
    WebhookTargetRefused,
    ResolverUnavailable,
    TooManyWebhooks,
];
const OF_A_CHANGE: &[ProblemCode] = &[
    InvalidQuery,
    InvalidHeader,
    UnsupportedMediaType,
    UnsupportedEncoding,
    BodyTooLarge,
    MalformedJson,
    InvalidField,
    WebhookTargetRefused,
    ResolverUnavailable,
    WebhookNotFound,
];
const OF_ONE: &[ProblemCode] = &[InvalidQuery, WebhookNotFound];
const OF_A_TEST: &[ProblemCode] = &[InvalidQuery, WebhookNotFound, WebhookDisabled];
const OF_A_REPLAY: &[ProblemCode] = &[InvalidQuery, WebhookNotFound, DeliveryNotFound, WebhookDisabled];

pub fn create(schemas: &mut Schemas) -> Operation {
    let webhook = schemas.told::<WebhookBody>();
    let made = Answer::json(201, "The endpoint with its secret.", &webhook, &[]).with(&["Location", "Cache-Control"]);
    Operation {
        description: "`secret` is shown here and after a rotation, and never again. At most sixteen an account.",
        body: Some(Body::json(&schemas.given::<NewWebhook>(), &[("all", json!({ "url": URL }))])),
        problems: OF_NEW,
        ..operation("createWebhook", "Make an endpoint", Vec::new(), made)
    }
}

pub fn list(schemas: &mut Schemas) -> Operation {
    let page = schemas.told::<WebhookList>();
    let listed = Answer::json(200, "The endpoints.", &page, &[]).with(&["Cache-Control"]);
    Operation { problems: &[InvalidQuery], ..operation("listWebhooks", "List your endpoints", Vec::new(), listed) }
}

pub fn get(schemas: &mut Schemas) -> Operation {
    operation("getWebhook", "See an endpoint", id(), told(schemas, "The endpoint."))
}

pub fn change(schemas: &mut Schemas) -> Operation {
    let change = Body::json(&schemas.given::<WebhookChange>(), &[("off", json!({ "enabled": false }))]);
    Operation {
        body: Some(change),
        problems: OF_A_CHANGE,
        ..operation("changeWebhook", "Change an endpoint", id(), told(schemas, "As it is now."))
    }
}

pub fn delete(_: &mut Schemas) -> Operation {
    operation("deleteWebhook", "Remove an endpoint", id(), Answer::empty(204, "It is gone."))
}

pub fn rotate(schemas: &mut Schemas) -> Operation {
    let rotated = told(schemas, "The endpoint with its new secret.");
    Operation {
        description: "For a day both secrets sign.",
        ..operation("rotateWebhook", "Change an endpoint's secret", id(), rotated)
    }
}

pub fn test(schemas: &mut Schemas) -> Operation {
    let sent = delivery(schemas, "The delivery.");
    Operation { problems: OF_A_TEST, ..operation("testWebhook", "Send a test", id(), sent) }
}

pub fn deliveries(schemas: &mut Schemas) -> Operation {
    let deliveries = schemas.told::<DeliveryPage>();
    let page = Answer::json(200, "Newest first.", &deliveries, &[]).with(&["Cache-Control"]);
    operation("listDeliveries", "See what was sent", [id(), page_parameters()].concat(), page)
}

pub fn replay(schemas: &mut Schemas) -> Operation {
    let parameters = [id(), vec![segment("delivery", "^msg_")]].concat();
    Operation {
        description: "With the same `webhook-id`.",
        problems: OF_A_REPLAY,
        ..operation(
            "replayDelivery",
            "Send something again",
            parameters,
            delivery(schemas, "The delivery, pending again."),
        )
    }
}

fn told(schemas: &mut Schemas, description: &'static str) -> Answer {
    Answer::json(200, description, &schemas.told::<WebhookBody>(), &[]).with(&["Cache-Control"])
}

fn delivery(schemas: &mut Schemas, description: &'static str) -> Answer {
    Answer::json(202, description, &schemas.told::<DeliveryBody>(), &[]).with(&["Cache-Control"])
}

fn id() -> Vec<Value> {
    vec![segment("id", "^wh_")]
}

const URL: &str = "https://example.com/hooks/forebay";
/// What the service sends, by event.
pub fn sent(schemas: &mut Schemas) -> Map<String, Value> {
    let message = schemas.told::<Payload<JobData>>();
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

/// About one webhook, unless it says otherwise.
fn operation(id: &'static str, summary: &'static str, parameters: Vec<Value>, answer: Answer) -> Operation {
    Operation {
        id,
        summary,
        parameters,
        answers: vec![answer],
        problems: OF_ONE,
        ..Operation::of(Tag::Webhooks, Callers::Accounts)
    }
}
