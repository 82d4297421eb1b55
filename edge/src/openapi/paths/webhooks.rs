//! Webhooks: endpoints, deliveries, and what is sent to them.

use forebay_contract::ProblemCode::{self, *};
use serde_json::{Map, Value, json};

use super::super::{
    Answer, Body, Callers, Operation, Schemas, Tag,
    bodies::{NewWebhook, WebhookChange},
    examples,
};
use crate::objects::{DeliveryBody, DeliveryPage, JobData, Payload, WebhookBody, WebhookList};

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
const OF_ALL: &[ProblemCode] = &[InvalidQuery];
const OF_ONE: &[ProblemCode] = &[InvalidQuery, WebhookNotFound];
const OF_A_TEST: &[ProblemCode] = &[InvalidQuery, WebhookNotFound, WebhookDisabled];
const OF_A_REPLAY: &[ProblemCode] = &[InvalidQuery, WebhookNotFound, DeliveryNotFound, WebhookDisabled];

pub fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    let webhook = schemas.told::<WebhookBody>();
    let page = schemas.told::<WebhookList>();
    let delivery = schemas.told::<DeliveryBody>();
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
            problems: OF_NEW,
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
            problems: OF_A_CHANGE,
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
                vec![Answer::empty(204, "It is gone.")],
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
            problems: OF_A_TEST,
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
            problems: OF_A_REPLAY,
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
        answers,
        problems: if path == "/v1/webhooks" { OF_ALL } else { OF_ONE },
        ..Operation::of(Tag::Webhooks, Callers::Accounts)
    }
}
