//! Submitting jobs.

use forebay_contract::{
    InputKind, MediaType,
    ProblemCode::{self, *},
};
use serde_json::json;

use super::{
    super::{Answer, Body, Callers, Operation, Schemas, Tag, bodies::NewJob, examples, parameters},
    BODY, IN_JSON,
};
use crate::handlers::submit::plan_body::Foreseen;
use forebay_account::JobBody;

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

/// Why what is sent may be refused, in either form, by a dry run too.
const READ: &[ProblemCode] = &[
    TooManyHeaders,
    InvalidIdempotencyKey,
    InputInvalid,
    ImageUnrecognized,
    ImageTooLarge,
    ImageTooSmall,
    ImageUnsupported,
    InputMismatch,
    InvalidParameter,
    ContextExceeded,
    WorkTooLong,
    ModelNotFound,
    VersionNotFound,
    InvalidDeadline,
    InvalidNotBefore,
    ChallengeFailed,
    ChallengeUnavailable,
];

/// Why a job may not be taken, a new one or one that is run again.
const ADMITTED: &[ProblemCode] = &[
    IdempotencyMismatch,
    IdempotencyInProgress,
    RateLimited,
    ChallengeRequired,
    LaneFull,
    ModelUnavailable,
    OutboxFull,
    AccountFull,
];

/// What a new one adds: it may be late for its deadline, and its input is stored.
const NEW: &[ProblemCode] = &[DeadlineInfeasible, StorageUnavailable];

/// Why a job may not be run again.
const RETRIED: &[ProblemCode] = &[
    InvalidQuery,
    InvalidHeader,
    InvalidIdempotencyKey,
    MalformedJobId,
    JobNotFound,
    JobExpired,
    JobErased,
    JobNotRetryable,
    VersionNotFound,
];

pub fn json(schemas: &mut Schemas) -> Operation {
    Operation {
        id: "submitJob",
        summary: "Submit a job",
        description: "The result of an equal job answers where there is one; an equal job that has not ended is joined. \
                      `degraded` says when something else answers than was asked for.",
        answers: submitted(schemas),
        problems: &[BODY, READ, ADMITTED, NEW, IN_JSON],
        ..in_json(schemas)
    }
}

pub fn bare(schemas: &mut Schemas) -> Operation {
    Operation {
        id: "submitInput",
        summary: "Submit an input as it is",
        description: "The body is the input itself, the query holds the parameters: \
                      `curl --data-binary @cat.png -H 'Content-Type: image/png' …/v1/models/efficientnet-lite0/jobs?p.top_k=3`.",
        answers: submitted(schemas),
        problems: &[BODY, READ, ADMITTED, NEW],
        ..as_it_is()
    }
}

pub fn plan(schemas: &mut Schemas) -> Operation {
    Operation {
        id: "foretellJob",
        summary: "Tell what submitting would come to",
        description: "Nothing is queued and nothing counted. A refusal by limits, lanes or deadlines is part of the answer, as \
                      `problem`; what is simply wrong is refused as it would be.",
        answers: vec![foretold(schemas)],
        problems: &[BODY, READ, IN_JSON],
        ..in_json(schemas)
    }
}

pub fn plan_bare(schemas: &mut Schemas) -> Operation {
    Operation {
        id: "foretellInput",
        summary: "Tell what submitting an input would come to",
        description: "What `POST /v1/plan` is to `POST /v1/jobs`, this is to `POST /v1/models/{model}/jobs`: it takes the very same \
                      request.",
        answers: vec![foretold(schemas)],
        problems: &[BODY, READ],
        ..as_it_is()
    }
}

pub fn retry(schemas: &mut Schemas) -> Operation {
    Operation {
        id: "retryJob",
        summary: "Run a job again",
        description: "The same input once more, as a new job that counts like any other. Only what failed, was canceled or has \
                      expired is run again.",
        parameters: [vec![parameters::job_id(schemas)], parameters::submission()].concat(),
        answers: submitted(schemas),
        problems: &[RETRIED, ADMITTED],
        ..Operation::of(Tag::Jobs, Callers::Accounts)
    }
}

/// What is sent in one JSON body.
fn in_json(schemas: &mut Schemas) -> Operation {
    Operation {
        parameters: parameters::submission(),
        body: Some(Body::json(&schemas.given::<NewJob>(), &examples::new_jobs())),
        ..Operation::of(Tag::Jobs, Callers::Accounts)
    }
}

/// What is sent as it is, with its parameters in the query.
fn as_it_is() -> Operation {
    let times = parameters::times().to_vec();
    Operation {
        parameters: [vec![parameters::model(), parameters::of_model()], times, parameters::submission()].concat(),
        body: Some(bare_body()),
        ..Operation::of(Tag::Jobs, Callers::Accounts)
    }
}

fn submitted(schemas: &mut Schemas) -> Vec<Answer> {
    let job = schemas.schema_of::<JobBody<'_>>();
    let done = "The job has ended already: its result was there, or came while it was waited for. `result` holds a result \
                that is small, JSON and at hand.";
    let examples = [("cached", examples::cached_job()), ("waited", examples::succeeded_job())];
    vec![
        Answer::json(200, done, &job, &examples).with(FIELDS),
        Answer::json(202, "The job is accepted.", &job, &[("queued", examples::queued_job())]).with(FIELDS),
    ]
}

fn foretold(schemas: &mut Schemas) -> Answer {
    let schema = schemas.schema_of::<Foreseen<'_>>();
    Answer::json(200, "What it would come to.", &schema, &[("accepted", examples::plan())]).with(&["Cache-Control"])
}

fn bare_body() -> Body {
    let octets = "application/octet-stream";
    let bytes = json!({ "schema": { "type": "string", "contentMediaType": octets, "maxLength": 10_000_000 } });
    let example = json!({ "text": { "value": "A gate in the dam." } });
    let text = json!({ "schema": { "type": "string", "minLength": 1 }, "examples": example });
    let tensor = json!({ "schema": { "type": "array" }, "examples": { "tensor": { "value": [1.0, 2.5, -3.0] } } });
    let body = |media_type: MediaType| {
        let described = match media_type.kind() {
            InputKind::Text => text.clone(),
            InputKind::Tensor => tensor.clone(),
            _ => bytes.clone(),
        };
        (media_type.name(), described)
    };
    Body { required: false, content: MediaType::ALL.map(body).to_vec() }
}
