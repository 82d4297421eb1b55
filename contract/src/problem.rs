use serde::{Deserialize, Serialize};

/// Every way the edge refuses: a closed list, shown to clients as `code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each code's meaning is its title in `describe`")]
pub enum ProblemCode {
    RouteNotFound,
    MethodNotAllowed,
    MissingCredentials,
    InvalidCredentials,
    MalformedCredentials,
    RevokedCredentials,
    ExpiredCredentials,
    PrematureCredentials,
    WrongAudience,
    WrongIssuer,
    RefusedAlgorithm,
    UnknownPlan,
    IssuerUnavailable,
    TooManyAttempts,
    TooManyHeaders,
    KeyNotFound,
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
    VersionNotFound,
    InvalidDeadline,
    InvalidNotBefore,
    DeadlineInfeasible,
    InvalidIdempotencyKey,
    IdempotencyMismatch,
    IdempotencyInProgress,
    MalformedJobId,
    JobNotFound,
    JobNotCancelable,
    JobNotRetryable,
    JobCanceled,
    JobFailed,
    JobExpired,
    UpgradeRequired,
    TooManyListeners,
    MessageTooLarge,
    TooManyWatched,
    WebhookNotFound,
    DeliveryNotFound,
    WebhookTargetRefused,
    WebhookDisabled,
    TooManyWebhooks,
    ResolverUnavailable,
    RateLimited,
    ChallengeRequired,
    ChallengeFailed,
    ChallengeUnavailable,
    LaneFull,
    ModelUnavailable,
    OutboxFull,
    StorageUnavailable,
    Internal,
}

impl ProblemCode {
    /// Every code, for documents and tests.
    pub const ALL: [Self; 65] = [
        Self::RouteNotFound,
        Self::MethodNotAllowed,
        Self::MissingCredentials,
        Self::InvalidCredentials,
        Self::MalformedCredentials,
        Self::RevokedCredentials,
        Self::ExpiredCredentials,
        Self::PrematureCredentials,
        Self::WrongAudience,
        Self::WrongIssuer,
        Self::RefusedAlgorithm,
        Self::UnknownPlan,
        Self::IssuerUnavailable,
        Self::TooManyAttempts,
        Self::TooManyHeaders,
        Self::KeyNotFound,
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
        Self::VersionNotFound,
        Self::InvalidDeadline,
        Self::InvalidNotBefore,
        Self::DeadlineInfeasible,
        Self::InvalidIdempotencyKey,
        Self::IdempotencyMismatch,
        Self::IdempotencyInProgress,
        Self::MalformedJobId,
        Self::JobNotFound,
        Self::JobNotCancelable,
        Self::JobNotRetryable,
        Self::JobCanceled,
        Self::JobFailed,
        Self::JobExpired,
        Self::UpgradeRequired,
        Self::TooManyListeners,
        Self::MessageTooLarge,
        Self::TooManyWatched,
        Self::WebhookNotFound,
        Self::DeliveryNotFound,
        Self::WebhookTargetRefused,
        Self::WebhookDisabled,
        Self::TooManyWebhooks,
        Self::ResolverUnavailable,
        Self::RateLimited,
        Self::ChallengeRequired,
        Self::ChallengeFailed,
        Self::ChallengeUnavailable,
        Self::LaneFull,
        Self::ModelUnavailable,
        Self::OutboxFull,
        Self::StorageUnavailable,
        Self::Internal,
    ];

    /// (status, name, title, whether the same request may succeed later)
    fn describe(self) -> (u16, &'static str, &'static str, bool) {
        match self {
            Self::RouteNotFound => (404, "route-not-found", "There is nothing at this path", false),
            Self::MethodNotAllowed => (405, "method-not-allowed", "This path does not take this method", false),
            Self::MissingCredentials => (401, "missing-credentials", "An API key or a token is needed", false),
            Self::InvalidCredentials => (401, "invalid-credentials", "The credentials are not valid", false),
            Self::MalformedCredentials => (401, "malformed-credentials", "The credentials cannot be read", false),
            Self::RevokedCredentials => (401, "revoked-credentials", "The API key was revoked", false),
            Self::ExpiredCredentials => (401, "expired-credentials", "The credentials have expired", false),
            Self::PrematureCredentials => (401, "premature-credentials", "The token is not valid yet", false),
            Self::WrongAudience => (401, "wrong-audience", "The token is for somebody else", false),
            Self::WrongIssuer => (401, "wrong-issuer", "Tokens of this issuer are not taken", false),
            Self::RefusedAlgorithm => (401, "refused-algorithm", "Tokens signed this way are not taken", false),
            Self::UnknownPlan => (403, "unknown-plan", "The key or token is of a plan that there is not", false),
            Self::IssuerUnavailable => (503, "issuer-unavailable", "The issuer's keys cannot be fetched", true),
            Self::TooManyAttempts => (429, "too-many-attempts", "Too many requests from this address", true),
            Self::TooManyHeaders => (431, "too-many-headers", "The request has too many header fields", false),
            Self::KeyNotFound => (404, "key-not-found", "There is no such API key", false),
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
            Self::VersionNotFound => (404, "version-not-found", "The model has no such version", false),
            Self::InvalidDeadline => (422, "invalid-deadline", "The deadline cannot be read or has passed", false),
            Self::InvalidNotBefore => {
                (422, "invalid-not-before", "The start time cannot be read or is too far away", false)
            }
            Self::DeadlineInfeasible => {
                (422, "deadline-infeasible", "The job would not be finished by its deadline", false)
            }
            Self::InvalidIdempotencyKey => {
                (400, "invalid-idempotency-key", "The Idempotency-Key cannot be taken", false)
            }
            Self::IdempotencyMismatch => {
                (422, "idempotency-mismatch", "The Idempotency-Key was used for another request", false)
            }
            Self::IdempotencyInProgress => {
                (409, "idempotency-in-progress", "The first request of this Idempotency-Key is not decided yet", true)
            }
            Self::MalformedJobId => (400, "malformed-job-id", "This is not a job id", false),
            Self::JobNotFound => (404, "job-not-found", "There is no such job", false),
            Self::JobNotCancelable => (409, "job-not-cancelable", "The job can no longer be canceled", false),
            Self::JobNotRetryable => (409, "job-not-retryable", "The job cannot be run again", false),
            Self::JobCanceled => (409, "job-canceled", "The job was canceled and has no result", false),
            Self::JobFailed => (424, "job-failed", "The job failed and has no result", false),
            Self::JobExpired => (410, "job-expired", "The job or its result has expired", false),
            Self::UpgradeRequired => (426, "upgrade-required", "This path speaks WebSocket alone", false),
            Self::TooManyListeners => (429, "too-many-listeners", "Too many connections wait for news", true),
            Self::MessageTooLarge => (413, "message-too-large", "The message is larger than allowed", false),
            Self::TooManyWatched => (422, "too-many-watched", "One socket cannot watch so many jobs", false),
            Self::WebhookNotFound => (404, "webhook-not-found", "There is no such webhook", false),
            Self::DeliveryNotFound => (404, "delivery-not-found", "There is no such delivery", false),
            Self::WebhookTargetRefused => (400, "webhook-target-refused", "Nothing is sent to this address", false),
            Self::WebhookDisabled => (409, "webhook-disabled", "The webhook is disabled", false),
            Self::TooManyWebhooks => (409, "too-many-webhooks", "The account has as many webhooks as it may", false),
            Self::ResolverUnavailable => (503, "resolver-unavailable", "Names cannot be looked up", true),
            Self::RateLimited => (429, "rate-limited", "Too many requests", true),
            Self::ChallengeRequired => (403, "challenge-required", "A challenge must be solved first", false),
            Self::ChallengeFailed => (403, "challenge-failed", "The challenge was not solved", false),
            Self::ChallengeUnavailable => (503, "challenge-unavailable", "The challenge cannot be checked", true),
            Self::LaneFull => (503, "lane-full", "Too much work waits already", true),
            Self::ModelUnavailable => (503, "model-unavailable", "The model fails too often to be worth a try", true),
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

    /// The problem type: a URI, as RFC 9457 §3.1.1 wants it. Limits have the types of the RateLimit header fields' draft.
    pub fn type_uri(self) -> String {
        match self {
            Self::RateLimited => "https://iana.org/assignments/http-problem-types#quota-exceeded".to_owned(),
            Self::LaneFull => "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity".to_owned(),
            Self::TooManyAttempts => {
                "https://iana.org/assignments/http-problem-types#abnormal-usage-detected".to_owned()
            }
            _ => format!("urn:forebay:problem:{}", self.name()),
        }
    }
}

/// Problem details (RFC 9457): what every refusal looks like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// What some problems say besides.
    #[serde(flatten)]
    pub extensions: Extensions,
}

/// What some problems say besides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Extensions {
    /// The limits that refused, with 429 and `challenge-required`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub violated_policies: Vec<String>,
    /// The plans that would have admitted the request, with 429.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub admitting_plans: Vec<String>,
    /// The earliest deadline that can be met, in milliseconds since the epoch, with `deadline-infeasible`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earliest_feasible_ms: Option<u64>,
    /// What is to be solved, with `challenge-required`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// Why the job failed, with 424.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<crate::JobFailure>,
}

/// A challenge that lets a caller through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Challenge {
    /// Whose widget solves it: `turnstile`.
    pub kind: String,
    /// The widget's public key.
    pub site_key: String,
    /// The request header that carries the widget's token.
    pub header: String,
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
            extensions: Extensions::default(),
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
            let passes = matches!(code.status(), 429 | 500 | 503) || code == ProblemCode::IdempotencyInProgress;
            assert_eq!(code.retryable(), passes, "{code:?}");
        }
    }
}
