//! Answers: JSON, problem details, and results that stream through.

use serde::Serialize;
use worker::{Response, web_sys};

use super::{outgoing, stop::Stop};
use forebay_admission::Refusal;

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
    /// Nothing but a status and header fields.
    Empty {
        /// The HTTP status.
        status: u16,
        /// The header fields.
        fields: Vec<(&'static str, String)>,
    },
    /// Bytes that were found, with status 200.
    Bytes {
        /// Their `Content-Type`.
        content_type: String,
        /// The bytes.
        body: Vec<u8>,
        /// Further header fields.
        fields: Vec<(&'static str, String)>,
    },
    /// A response that was found: its body is not touched on its way, with status 200.
    Found {
        /// Where the body, its type and its length are from.
        response: web_sys::Response,
        /// Further header fields.
        fields: Vec<(&'static str, String)>,
    },
    /// A response as the runtime has it: an event stream or a WebSocket.
    Stream(Response),
}

impl Answer {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Text { status, .. } | Self::Empty { status, .. } => *status,
            Self::Bytes { .. } | Self::Found { .. } => 200,
            Self::Stream(response) => response.status_code(),
        }
    }

    /// What `HEAD` is answered: the same header fields. A body that streams is given up unread.
    pub fn without_body(self) -> Self {
        let (status, content_type, length, mut fields) = match self {
            Self::Text { status, content_type, body, fields } => {
                (status, Some(content_type.to_owned()), Some(body.len().to_string()), fields)
            }
            Self::Bytes { content_type, body, fields } => {
                (200, Some(content_type), Some(body.len().to_string()), fields)
            }
            Self::Found { response, fields } => {
                let field = |name| response.headers().get(name).ok().flatten();
                (200, field("content-type"), field("content-length"), fields)
            }
            answer @ (Self::Empty { .. } | Self::Stream(_)) => return answer,
        };
        fields.extend(content_type.map(|content_type| ("content-type", content_type)));
        fields.extend(length.map(|length| ("content-length", length)));
        Self::Empty { status, fields }
    }

    /// As the runtime sends it, under the request's id.
    pub fn send(self, request_id: &str) -> worker::Result<web_sys::Response> {
        match self {
            Self::Text { status, content_type, body, fields } => {
                let own = [("content-type", content_type), ("cache-control", "no-store"), ("x-request-id", request_id)];
                outgoing::respond(status, Some(&body), &all(own, &fields))
            }
            Self::Empty { status, fields } => {
                let own = [("cache-control", "no-store"), ("x-request-id", request_id)];
                outgoing::respond(status, None, &all(own, &fields))
            }
            Self::Bytes { content_type, body, fields } => {
                let own = [("content-type", content_type.as_str()), ("x-request-id", request_id)];
                outgoing::respond_with_bytes(&body, &all(own, &fields))
            }
            Self::Found { response, fields } => {
                outgoing::pass(&response, &all([("x-request-id", request_id)], &fields))
            }
            Self::Stream(mut response) => {
                response.headers_mut().set("x-request-id", request_id)?;
                Ok(response.into())
            }
        }
    }
}

/// An answer's fields. Of two with the same name the later one counts.
fn all<'a, const OWN: usize>(
    own: [(&'a str, &'a str); OWN],
    more: &'a [(&'static str, String)],
) -> Vec<(&'a str, &'a str)> {
    own.into_iter().chain(more.iter().map(|(name, value)| (*name, value.as_str()))).collect()
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

    #[test]
    fn without_a_body_an_answer_says_how_long_it_would_be() {
        let answer = json(200, &"äö", vec![("vary", "Accept".to_owned())]).unwrap().without_body();
        let Answer::Empty { status, fields } = answer else { panic!("a body is left") };
        let expect = [("vary", "Accept"), ("content-type", "application/json"), ("content-length", "6")];
        assert_eq!((status, fields), (200, expect.map(|(name, value)| (name, value.to_owned())).to_vec()));
    }
}
