//! Answers: JSON, problem details, and results that stream through.

use serde::Serialize;
use worker::{Response, web_sys};

use crate::{admission::Refusal, cx::Stop, runtime};

/// What a handler answers.
#[derive(Debug)]
pub enum Answer {
    /// A text, mostly JSON, that nobody may keep unless its fields say so.
    Text {
        /// The HTTP status.
        status: u16,
        /// Its `Content-Type`.
        content_type: &'static str,
        /// The text.
        body: String,
        /// Further header fields.
        fields: Vec<(&'static str, String)>,
    },
    /// Anything else; its body is not touched on its way.
    Stream(Response),
}

impl Answer {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Text { status, .. } => *status,
            Self::Stream(response) => response.status_code(),
        }
    }

    /// As the runtime sends it, under the request's id.
    pub fn send(self, request_id: &str) -> worker::Result<web_sys::Response> {
        match self {
            Self::Text { status, content_type, body, fields } => {
                let own = [("content-type", content_type), ("cache-control", "no-store"), ("x-request-id", request_id)];
                let more = fields.iter().map(|(name, value)| (*name, value.as_str()));
                let fields: Vec<_> = own.into_iter().chain(more).collect();
                runtime::respond(status, &body, &fields)
            }
            Self::Stream(mut response) => {
                response.headers_mut().set("x-request-id", request_id)?;
                Ok(response.into())
            }
        }
    }
}

/// An answer in JSON.
pub fn json(status: u16, body: &impl Serialize, fields: Vec<(&'static str, String)>) -> Result<Answer, Stop> {
    let body = serde_json::to_string(body).map_err(|error| Stop::broken(error.to_string()))?;
    Ok(Answer::Text { status, content_type: "application/json", body, fields })
}

/// The answer to a request that is refused.
pub fn problem(refusal: Refusal, request_id: &str) -> Answer {
    let mut problem = refusal.problem();
    request_id.clone_into(&mut problem.request_id);
    // Texts and numbers under fixed names: there is nothing that could not be JSON.
    let body = serde_json::to_string(&problem).unwrap_or_default();
    Answer::Text { status: problem.status, content_type: "application/problem+json", body, fields: refusal.headers }
}

#[cfg(test)]
mod tests {
    use forebay_contract::ProblemCode;

    use super::*;

    #[test]
    fn a_problem_carries_its_code_the_requests_id_and_its_fields() {
        let refusal =
            Refusal::new(ProblemCode::MethodNotAllowed, "this path takes POST alone").with_header("allow", "POST");
        let Answer::Text { status, content_type, body, fields } = problem(refusal, "r1") else { panic!("not JSON") };
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, content_type), (405, "application/problem+json"));
        assert_eq!((&body["code"], &body["request_id"]), (&"method-not-allowed".into(), &"r1".into()));
        assert_eq!(fields, [("allow", "POST".to_owned())]);
    }
}
