//! Refusals: the closed list, by operation.

use std::collections::BTreeMap;

use forebay_contract::{Challenge, FailureCode, JobFailure, Problem, ProblemCode};
use serde_json::{Map, Value, json};

use super::{Schemas, examples, headers};
use crate::handlers::submit::turnstile;

/// Why a caller may be refused whatever it asks for.
pub const OF_CALLERS: &[ProblemCode] = &[
    ProblemCode::MissingCredentials,
    ProblemCode::InvalidCredentials,
    ProblemCode::MalformedCredentials,
    ProblemCode::RevokedCredentials,
    ProblemCode::ExpiredCredentials,
    ProblemCode::PrematureCredentials,
    ProblemCode::WrongAudience,
    ProblemCode::WrongIssuer,
    ProblemCode::RefusedAlgorithm,
    ProblemCode::UnknownPlan,
    ProblemCode::IssuerUnavailable,
    ProblemCode::TooManyAttempts,
    ProblemCode::AccountBusy,
];

/// What some say that readers meet often.
const DETAILS: &[(ProblemCode, &str)] = &[
    (ProblemCode::MissingCredentials, "send your API key or token as `Authorization: Bearer …`"),
    (ProblemCode::InvalidCredentials, "the API key is unknown"),
    (ProblemCode::InvalidSignature, "sign the body with the shared secret and a clock that is right"),
    (ProblemCode::InvalidQuery, "unknown query parameter `weight`; allowed: wait"),
    (ProblemCode::InvalidHeader, "`Prefer: wait=N` takes a whole number of seconds"),
    (ProblemCode::MalformedJson, "EOF while parsing a value at line 1 column 9"),
    (ProblemCode::InvalidField, "`model` is missing: GET /v1/models lists the names"),
    (ProblemCode::InvalidParameter, "parameter `top_k` must be a whole number from 1 to 1000"),
    (ProblemCode::InputMismatch, "efficientnet-lite0 takes input of kind image, not text"),
    (ProblemCode::UnsupportedMediaType, "Content-Type `text/xml` is not taken here; send application/json"),
    (ProblemCode::BodyTooLarge, "the body may have at most 10000000 bytes"),
    (ProblemCode::ModelNotFound, "there is no model `gpt-9`; GET /v1/models lists them"),
    (ProblemCode::MalformedJobId, "not a job id: expected job_ and 42 characters of 0-9a-v"),
    (ProblemCode::JobNotFound, "you have no job of this id"),
    (ProblemCode::JobNotCancelable, "the job is succeeded already"),
    (ProblemCode::JobNotRetryable, "the job is running; only failed, canceled and expired ones are run again"),
    (ProblemCode::JobExpired, "results are kept for a limited time: submit the job again"),
    (
        ProblemCode::JobErased,
        "this job's data is erased, by your wish or as your plan keeps it: submit the input again for a new result",
    ),
    (ProblemCode::ErasureNotFound, "nothing was asked for: DELETE /v1/account/data erases all that the account has"),
    (ProblemCode::JobCanceled, "you canceled this job"),
    (ProblemCode::JobFailed, "the picture is truncated"),
    (ProblemCode::KeyNotFound, "there is no key of this id; GET /internal/v1/keys lists them"),
    (ProblemCode::UpgradeRequired, "connect with WebSocket, or GET /v1/jobs/{id}/events for an event stream"),
    (
        ProblemCode::DeadlineInfeasible,
        "the job would be finished about 900 ms after its deadline; the earliest that can be met is 1800000001900",
    ),
    (ProblemCode::RateLimited, "beyond the limit submit; the next request passes in 740 ms"),
    (
        ProblemCode::ChallengeRequired,
        "beyond the limit submit; the next request passes in 740 ms, or once a challenge is solved: send its token in cf-turnstile-response",
    ),
    (ProblemCode::LaneFull, "the lane free-light is full; it will have room in about 2200 ms"),
    (ProblemCode::AccountFull, "the account keeps as many jobs as it may; there is room again as the oldest go"),
    (ProblemCode::StorageUnavailable, "the input could not be stored; nothing was accepted"),
    (ProblemCode::AccountBusy, "your account's requests cannot be looked after at the moment: send this one again"),
    (ProblemCode::Internal, "try again; if it stays, tell the operator the request_id"),
];

/// The answers of these codes, by status.
pub fn responses(codes: &[ProblemCode], schemas: &mut Schemas) -> Map<String, Value> {
    let mut statuses: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in codes {
        statuses.entry(code.status()).or_default().push(*code);
    }
    let problem = schemas.schema_of::<Problem>();
    statuses.into_iter().map(|(status, codes)| (status.to_string(), response(status, &codes, &problem))).collect()
}

fn response(status: u16, codes: &[ProblemCode], problem: &Value) -> Value {
    let lines: Vec<String> = codes.iter().map(|code| format!("* `{}`: {}", code.name(), code.title())).collect();
    let names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
    let schema = json!({
        "allOf": [problem, { "properties": { "status": { "const": status }, "code": { "enum": names } } }],
    });
    let mut content = json!({ "schema": schema });
    for code in codes.iter().filter(|code| detail(**code).is_some()) {
        content["examples"][code.name()] = json!({ "$ref": format!("#/components/examples/{}", code.name()) });
    }
    json!({
        "description": lines.join("\n"),
        "headers": headers::references(fields(status, codes)),
        "content": { "application/problem+json": content },
    })
}

/// The header fields that go with refusals.
fn fields(status: u16, codes: &[ProblemCode]) -> Vec<&'static &'static str> {
    let mut fields = vec![&"X-Request-Id"];
    match status {
        401 if codes != [ProblemCode::InvalidSignature] => fields.push(&"WWW-Authenticate"),
        409 if codes.contains(&ProblemCode::IdempotencyInProgress) => fields.push(&"Retry-After"),
        415 => fields.push(&"Accept"),
        426 => fields.push(&"Upgrade"),
        429 if codes.contains(&ProblemCode::RateLimited) => {
            fields.extend([&"Retry-After", &"RateLimit-Policy", &"RateLimit"]);
        }
        429 | 503 => fields.push(&"Retry-After"),
        _ => {}
    }
    fields
}

fn detail(code: ProblemCode) -> Option<&'static str> {
    DETAILS.iter().find(|(known, _)| *known == code).map(|(_, detail)| *detail)
}

/// One of each that has words of its own, for `components`.
pub fn examples() -> Map<String, Value> {
    DETAILS
        .iter()
        .map(|(code, detail)| {
            let example = json!({ "summary": code.title(), "value": example(*code, detail) });
            (code.name().to_owned(), example)
        })
        .collect()
}

fn example(code: ProblemCode, detail: &str) -> Problem {
    let mut problem = Problem::new(code, detail);
    problem.request_id = "4f2c9b1de07a4c3f9a51f6a0b2c3d4e5".to_owned();
    let extensions = &mut problem.extensions;
    match code {
        ProblemCode::RateLimited => {
            extensions.violated_policies = vec!["submit".to_owned()];
            extensions.admitting_plans = vec!["pro".to_owned()];
        }
        ProblemCode::ChallengeRequired => {
            extensions.violated_policies = vec!["submit".to_owned()];
            extensions.challenge = Some(Challenge {
                kind: "turnstile".to_owned(),
                site_key: "1x00000000000000000000AA".to_owned(),
                header: turnstile::HEADER.to_owned(),
            });
        }
        ProblemCode::DeadlineInfeasible => extensions.earliest_feasible_ms = Some(1_800_000_001_900),
        ProblemCode::JobFailed => {
            extensions.failure = Some(JobFailure {
                job_id: examples::job_id(),
                code: FailureCode::ImageUndecodable,
                detail: detail.to_owned(),
            });
        }
        _ => {}
    }
    problem
}
