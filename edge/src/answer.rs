//! Answers: JSON, problem details, and the fields that every one of them has.

use forebay_contract::{Problem, ProblemCode};
use serde::Serialize;
use worker::{Headers, Response};

use crate::{admission::Refusal, cx::Stop};

/// An answer in JSON that nobody may keep.
pub fn json(status: u16, body: &impl Serialize, fields: &[(&'static str, String)]) -> Result<Response, Stop> {
    with_type(status, "application/json", body, fields)
}

/// The answer to a request that is refused.
pub fn problem(refusal: Refusal, request_id: &str) -> Result<Response, Stop> {
    let mut problem = Problem::new(refusal.code, refusal.detail);
    request_id.clone_into(&mut problem.request_id);
    problem.violated_policies = refusal.violated_policies;
    problem.failure = refusal.failure.map(|failure| *failure);
    with_type(problem.status, "application/problem+json", &problem, &refusal.headers)
}

/// For what cannot even be said: a problem that needs no serialiser.
pub fn last_resort() -> worker::Result<Response> {
    Response::error(ProblemCode::Internal.title(), ProblemCode::Internal.status())
}

fn with_type(
    status: u16,
    content_type: &str,
    body: &impl Serialize,
    fields: &[(&'static str, String)],
) -> Result<Response, Stop> {
    let bytes = serde_json::to_vec(body).map_err(|error| Stop::broken(error.to_string()))?;
    let headers = Headers::new();
    headers.set("content-type", content_type)?;
    headers.set("cache-control", "no-store")?;
    for (name, value) in fields {
        headers.set(name, value)?;
    }
    Ok(Response::from_bytes(bytes)?.with_status(status).with_headers(headers))
}
