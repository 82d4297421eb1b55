//! Submitting jobs.

use forebay_contract::ProblemCode::{self, *};
use serde_json::json;

use super::super::{Answer, Body, Callers, Operation, Schemas, Tag, bodies::NewJob, examples, parameters};
use crate::handlers::{job_body::JobBody, submit::plan_body::Foreseen};

/// What comes back with a job that was submitted.
const FIELDS: &[&str] = &[
    "Location",
    "Server-Timing",
    "Retry-After",
    "RateLimit-Policy",
    "RateLimit",
    "Preference-Applied",
    "Age",
    "Cache-Control",
];

/// Why a submission may be refused, however it is written down.
const REFUSALS: &[ProblemCode] = &[
    TooManyHeaders,
    InvalidQuery,
    InvalidHeader,
    InvalidIdempotencyKey,
    UnsupportedMediaType,
    UnsupportedEncoding,
    BodyTooLarge,
    InputInvalid,
    ImageUnrecognized,
    ImageTooLarge,
    ImageTooSmall,
    ImageUnsupported,
    InputMismatch,
    InvalidParameter,
    ModelNotFound,
    VersionNotFound,
    InvalidDeadline,
    InvalidNotBefore,
    DeadlineInfeasible,
    IdempotencyMismatch,
    IdempotencyInProgress,
    RateLimited,
    ChallengeRequired,
    ChallengeFailed,
    ChallengeUnavailable,
    LaneFull,
    ModelUnavailable,
    OutboxFull,
    StorageUnavailable,
    // What a body in JSON adds.
    MalformedJson,
    InvalidField,
];

/// The same without what only JSON can be, at the list's end.
const BARE_REFUSALS: &[ProblemCode] = REFUSALS.split_at(REFUSALS.len() - 2).0;

/// A dry run is told the rest in its answer.
const PLAN_REFUSALS: &[ProblemCode] = &[
    TooManyHeaders,
    InvalidQuery,
    InvalidHeader,
    InvalidIdempotencyKey,
    UnsupportedMediaType,
    UnsupportedEncoding,
    BodyTooLarge,
    InputInvalid,
    ImageUnrecognized,
    ImageTooLarge,
    ImageTooSmall,
    ImageUnsupported,
    InputMismatch,
    InvalidParameter,
    ModelNotFound,
    VersionNotFound,
    InvalidDeadline,
    InvalidNotBefore,
    ChallengeFailed,
    ChallengeUnavailable,
    MalformedJson,
    InvalidField,
];

/// Why a job may not be run again.
const RETRY_REFUSALS: &[ProblemCode] = &[
    InvalidQuery,
    InvalidHeader,
    InvalidIdempotencyKey,
    MalformedJobId,
    JobNotFound,
    JobExpired,
    JobNotRetryable,
    VersionNotFound,
    ModelUnavailable,
    LaneFull,
    RateLimited,
    ChallengeRequired,
    OutboxFull,
    IdempotencyMismatch,
    IdempotencyInProgress,
];

pub fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    let body = Body::json(&schemas.given::<NewJob>(), &examples::new_jobs());
    let retry = [vec![parameters::job_id(schemas)], parameters::submission()].concat();
    vec![
        Operation {
            description: "The result of an equal job answers where there is one; an equal job that has not ended is \
                          joined. `degraded` says when something else answers than was asked for.",
            parameters: parameters::submission(),
            body: Some(Body { content: body.content.clone(), ..body }),
            problems: REFUSALS,
            ..operation("/v1/jobs", "submitJob", "Submit a job", submitted(schemas))
        },
        Operation {
            description: "The body is the input itself, the query holds the parameters: \
                          `curl --data-binary @cat.png -H 'Content-Type: image/png' …/v1/models/efficientnet-lite0/jobs?p.top_k=3`.",
            parameters: [
                vec![parameters::model(), parameters::of_model()],
                parameters::times().to_vec(),
                parameters::submission(),
            ]
            .concat(),
            body: Some(bare_body()),
            problems: BARE_REFUSALS,
            ..operation("/v1/models/{model}/jobs", "submitInput", "Submit an input as it is", submitted(schemas))
        },
        Operation {
            description: "Nothing is queued and nothing counted. A refusal by limits, lanes or deadlines is part of the \
                          answer, as `problem`; what is simply wrong is refused as it would be.",
            parameters: parameters::submission(),
            body: Some(Body::json(&schemas.given::<NewJob>(), &examples::new_jobs())),
            problems: PLAN_REFUSALS,
            ..operation("/v1/plan", "foretellJob", "Tell what submitting would come to", vec![plan(schemas)])
        },
        Operation {
            description: "The same input once more, as a new job that counts like any other. Only what failed, was \
                          canceled or has expired is run again.",
            parameters: retry,
            problems: RETRY_REFUSALS,
            ..operation("/v1/jobs/{id}/retry", "retryJob", "Run a job again", submitted(schemas))
        },
    ]
}

fn operation(path: &'static str, id: &'static str, summary: &'static str, answers: Vec<Answer>) -> Operation {
    Operation { method: "POST", path, id, summary, answers, ..Operation::of(Tag::Jobs, Callers::Accounts) }
}

fn submitted(schemas: &mut Schemas) -> Vec<Answer> {
    let job = schemas.told::<JobBody<'_>>();
    let done = "The job has ended already: its result was there, or came while it was waited for. `result` holds a result \
                that is small, JSON and at hand.";
    let examples = [("cached", examples::cached_job()), ("waited", examples::succeeded_job())];
    vec![
        Answer::json(200, done, &job, &examples).with(FIELDS),
        Answer::json(202, "The job is accepted.", &job, &[("queued", examples::queued_job())]).with(FIELDS),
    ]
}

fn plan(schemas: &mut Schemas) -> Answer {
    let schema = schemas.told::<Foreseen<'_>>();
    Answer::json(200, "What it would come to.", &schema, &[("accepted", examples::plan())]).with(&["Cache-Control"])
}

fn bare_body() -> Body {
    let octets = "application/octet-stream";
    let bytes = json!({ "schema": { "type": "string", "contentMediaType": octets, "maxLength": 10_000_000 } });
    let example = json!({ "text": { "value": "A gate in the dam." } });
    let text = json!({ "schema": { "type": "string", "minLength": 1 }, "examples": example });
    let tensor = json!({ "schema": { "type": "array" }, "examples": { "tensor": { "value": [1.0, 2.5, -3.0] } } });
    Body {
        required: false,
        content: vec![
            ("text/plain", text),
            ("application/json", tensor),
            ("image/png", bytes.clone()),
            ("image/jpeg", bytes.clone()),
            ("audio/wav", bytes),
        ],
    }
}
