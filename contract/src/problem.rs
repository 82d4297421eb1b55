use serde::{Deserialize, Serialize};

/// Every way the edge refuses: a closed list, shown to clients as `code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each code's meaning is its title in `describe`")]
pub enum ProblemCode {
    RouteNotFound,
    MethodNotAllowed,
    MissingCredentials,
    InvalidCredentials,
    InvalidSignature,
    BodyTooLarge,
    UnsupportedMediaType,
    UnsupportedEncoding,
    MalformedJson,
    InvalidField,
    InvalidQuery,
    InvalidHeader,
    InvalidParameter,
    InputMismatch,
    InputInvalid,
    ImageUnrecognized,
    ImageTooLarge,
    ImageTooSmall,
    ImageUnsupported,
    ModelNotFound,
    MalformedJobId,
    JobNotFound,
    JobNotCancelable,
    JobCanceled,
    JobFailed,
    JobExpired,
    RateLimited,
    OutboxFull,
    StorageUnavailable,
    Internal,
}

impl ProblemCode {
    /// Every code, for documents and tests.
    pub const ALL: [Self; 30] = [
        Self::RouteNotFound,
        Self::MethodNotAllowed,
        Self::MissingCredentials,
        Self::InvalidCredentials,
        Self::InvalidSignature,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::UnsupportedEncoding,
        Self::MalformedJson,
        Self::InvalidField,
        Self::InvalidQuery,
        Self::InvalidHeader,
        Self::InvalidParameter,
        Self::InputMismatch,
        Self::InputInvalid,
        Self::ImageUnrecognized,
        Self::ImageTooLarge,
        Self::ImageTooSmall,
        Self::ImageUnsupported,
        Self::ModelNotFound,
        Self::MalformedJobId,
        Self::JobNotFound,
        Self::JobNotCancelable,
        Self::JobCanceled,
        Self::JobFailed,
        Self::JobExpired,
        Self::RateLimited,
        Self::OutboxFull,
        Self::StorageUnavailable,
        Self::Internal,
    ];

    /// (status, name, title, whether the same request may succeed later)
    fn describe(self) -> (u16, &'static str, &'static str, bool) {
        match self {
            Self::RouteNotFound => (404, "route-not-found", "There is nothing at this path", false),
            Self::MethodNotAllowed => (405, "method-not-allowed", "This path does not take this method", false),
            Self::MissingCredentials => (401, "missing-credentials", "An API key is needed", false),
            Self::InvalidCredentials => (401, "invalid-credentials", "The API key is not valid", false),
            Self::InvalidSignature => (401, "invalid-signature", "The request's signature is not valid", false),
            Self::BodyTooLarge => (413, "body-too-large", "The body is larger than allowed", false),
            Self::UnsupportedMediaType => (415, "unsupported-media-type", "This Content-Type is not taken here", false),
            Self::UnsupportedEncoding => (415, "unsupported-encoding", "Encoded bodies are not taken", false),
            Self::MalformedJson => (400, "malformed-json", "The body is not the JSON it should be", false),
            Self::InvalidField => (422, "invalid-field", "A field is missing, unknown or wrong", false),
            Self::InvalidQuery => (400, "invalid-query", "A query parameter is wrong", false),
            Self::InvalidHeader => (400, "invalid-header", "A request header is wrong", false),
            Self::InvalidParameter => (422, "invalid-parameter", "A model parameter is wrong", false),
            Self::InputMismatch => (422, "input-mismatch", "The model takes another kind of input", false),
            Self::InputInvalid => (422, "input-invalid", "The input cannot be read", false),
            Self::ImageUnrecognized => (422, "image-unrecognized", "The input is not the image it says it is", false),
            Self::ImageTooLarge => (422, "image-too-large", "The image has too many pixels", false),
            Self::ImageTooSmall => (422, "image-too-small", "The image has too few pixels", false),
            Self::ImageUnsupported => (422, "image-unsupported", "Images of this kind are not read", false),
            Self::ModelNotFound => (404, "model-not-found", "There is no such model", false),
            Self::MalformedJobId => (400, "malformed-job-id", "This is not a job id", false),
            Self::JobNotFound => (404, "job-not-found", "There is no such job", false),
            Self::JobNotCancelable => (409, "job-not-cancelable", "The job can no longer be canceled", false),
            Self::JobCanceled => (409, "job-canceled", "The job was canceled and has no result", false),
            Self::JobFailed => (424, "job-failed", "The job failed and has no result", false),
            Self::JobExpired => (410, "job-expired", "The job or its result has expired", false),
            Self::RateLimited => (429, "rate-limited", "Too many requests", true),
            Self::OutboxFull => (503, "outbox-full", "The queue cannot be reached and no more jobs are taken", true),
            Self::StorageUnavailable => (503, "storage-unavailable", "The storage cannot be reached", true),
            Self::Internal => (500, "internal", "Something went wrong on our side", true),
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.describe().0
    }

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        self.describe().1
    }

    /// One line for people, the same for every occurrence.
    pub fn title(self) -> &'static str {
        self.describe().2
    }

    /// Whether the same request may succeed later.
    pub fn retryable(self) -> bool {
        self.describe().3
    }

    /// The problem type: a URI, as RFC 9457 §3.1.1 wants it. 429 has the type of the RateLimit header fields' draft.
    pub fn type_uri(self) -> String {
        match self {
            Self::RateLimited => "https://iana.org/assignments/http-problem-types#quota-exceeded".to_owned(),
            _ => format!("urn:forebay:problem:{}", self.name()),
        }
    }
}

/// Problem details (RFC 9457): what every refusal looks like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// The problem type's URI.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// One line for people, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What the caller should do about this occurrence.
    pub detail: String,
    /// Which of the closed list.
    pub code: ProblemCode,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// The id that the log knows the request by.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// The limits that refused, with 429.
    #[serde(rename = "violated_policies", default, skip_serializing_if = "Vec::is_empty")]
    pub violated_policies: Vec<String>,
    /// Why the job failed, with 424.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<crate::JobFailure>,
}

impl Problem {
    /// A problem of kind `code`; `detail` tells the caller what to do.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            type_uri: code.type_uri(),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            retryable: code.retryable(),
            request_id: String::new(),
            violated_policies: Vec::new(),
            failure: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_the_same_in_json() {
        let names: BTreeSet<_> = ProblemCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), ProblemCode::ALL.len());
        for code in ProblemCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
            assert!((400..600).contains(&code.status()));
        }
    }

    #[test]
    fn only_what_may_pass_by_itself_is_retryable() {
        for code in ProblemCode::ALL {
            assert_eq!(code.retryable(), matches!(code.status(), 429 | 500 | 503), "{code:?}");
        }
    }
}
