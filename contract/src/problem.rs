use serde::{Deserialize, Serialize};

/// Makes the list, its order and what each code means from one row each.
macro_rules! codes {
    ($($code:ident = $status:literal $name:literal $title:literal $(, $retryable:ident)?;)*) => {
        /// Every way the edge refuses: a closed list, shown to clients as `code`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[allow(missing_docs, reason = "each code's meaning is its title")]
        pub enum ProblemCode {
            $(#[serde(rename = $name)] $code,)*
        }

        impl ProblemCode {
            /// Every code, for documents and tests.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// (status, name, title, whether the same request may succeed later)
            fn describe(self) -> (u16, &'static str, &'static str, bool) {
                match self {
                    $(Self::$code => ($status, $name, $title, codes!(@ $($retryable)?)),)*
                }
            }
        }
    };
    (@ retryable) => { true };
    (@) => { false };
}

// Status, name in JSON, one line for people; `retryable`: whether the same request may succeed later.
#[rustfmt::skip]
codes! {
    RouteNotFound = 404 "route-not-found" "There is nothing at this path";
    MethodNotAllowed = 405 "method-not-allowed" "This path does not take this method";
    MissingCredentials = 401 "missing-credentials" "An API key or a token is needed";
    InvalidCredentials = 401 "invalid-credentials" "The credentials are not valid";
    MalformedCredentials = 401 "malformed-credentials" "The credentials cannot be read";
    RevokedCredentials = 401 "revoked-credentials" "The API key was revoked";
    ExpiredCredentials = 401 "expired-credentials" "The credentials have expired";
    PrematureCredentials = 401 "premature-credentials" "The token is not valid yet";
    WrongAudience = 401 "wrong-audience" "The token is for somebody else";
    WrongIssuer = 401 "wrong-issuer" "Tokens of this issuer are not taken";
    RefusedAlgorithm = 401 "refused-algorithm" "Tokens signed this way are not taken";
    UnknownPlan = 403 "unknown-plan" "The key or token is of a plan that there is not";
    IssuerUnavailable = 503 "issuer-unavailable" "The issuer's keys cannot be fetched", retryable;
    TooManyAttempts = 429 "too-many-attempts" "Too many requests from this address", retryable;
    TooManyHeaders = 431 "too-many-headers" "The request has too many header fields";
    KeyNotFound = 404 "key-not-found" "There is no such API key";
    InvalidSignature = 401 "invalid-signature" "The request's signature is not valid";
    BodyTooLarge = 413 "body-too-large" "The body is larger than allowed";
    UnsupportedMediaType = 415 "unsupported-media-type" "This Content-Type is not taken here";
    UnsupportedEncoding = 415 "unsupported-encoding" "Encoded bodies are not taken";
    MalformedJson = 400 "malformed-json" "The body is not the JSON it should be";
    InvalidField = 422 "invalid-field" "A field is missing, unknown or wrong";
    InvalidQuery = 400 "invalid-query" "A query parameter is wrong";
    InvalidHeader = 400 "invalid-header" "A request header is wrong";
    InvalidParameter = 422 "invalid-parameter" "A model parameter is wrong";
    InputMismatch = 422 "input-mismatch" "The model takes another kind of input";
    InputInvalid = 422 "input-invalid" "The input cannot be read";
    ImageUnrecognized = 422 "image-unrecognized" "The input is not the image it says it is";
    ImageTooLarge = 422 "image-too-large" "The image has too many pixels";
    ImageTooSmall = 422 "image-too-small" "The image has too few pixels";
    ImageUnsupported = 422 "image-unsupported" "Images of this kind are not read";
    ContextExceeded = 422 "context-exceeded" "The new tokens would leave the text no room";
    WorkTooLong = 422 "work-too-long" "The job would take longer than any job may";
    ModelNotFound = 404 "model-not-found" "There is no such model";
    VersionNotFound = 404 "version-not-found" "The model has no such version";
    InvalidDeadline = 422 "invalid-deadline" "The deadline cannot be read or has passed";
    InvalidNotBefore = 422 "invalid-not-before" "The start time cannot be read or is too far away";
    DeadlineInfeasible = 422 "deadline-infeasible" "The job would not be finished by its deadline";
    InvalidIdempotencyKey = 400 "invalid-idempotency-key" "The Idempotency-Key cannot be taken";
    IdempotencyMismatch = 422 "idempotency-mismatch" "The Idempotency-Key was used for another request";
    IdempotencyInProgress = 409 "idempotency-in-progress"
        "The first request of this Idempotency-Key is not decided yet", retryable;
    MalformedJobId = 400 "malformed-job-id" "This is not a job id";
    JobNotFound = 404 "job-not-found" "There is no such job";
    JobNotCancelable = 409 "job-not-cancelable" "The job can no longer be canceled";
    JobNotRetryable = 409 "job-not-retryable" "The job cannot be run again";
    JobCanceled = 409 "job-canceled" "The job was canceled and has no result";
    JobFailed = 424 "job-failed" "The job failed and has no result";
    JobExpired = 410 "job-expired" "The job or its result has expired";
    JobErased = 410 "job-erased" "The job's data was erased";
    ErasureNotFound = 404 "erasure-not-found" "Nobody has asked for the account's data to be erased";
    UpgradeRequired = 426 "upgrade-required" "This path speaks WebSocket alone";
    TooManyListeners = 429 "too-many-listeners" "Too many connections wait for news", retryable;
    MessageTooLarge = 413 "message-too-large" "The message is larger than allowed";
    TooManyWatched = 422 "too-many-watched" "One socket cannot watch so many jobs";
    WebhookNotFound = 404 "webhook-not-found" "There is no such webhook";
    DeliveryNotFound = 404 "delivery-not-found" "There is no such delivery";
    WebhookTargetRefused = 400 "webhook-target-refused" "Nothing is sent to this address";
    WebhookDisabled = 409 "webhook-disabled" "The webhook is disabled";
    TooManyWebhooks = 409 "too-many-webhooks" "The account has as many webhooks as it may";
    ResolverUnavailable = 503 "resolver-unavailable" "Names cannot be looked up", retryable;
    RateLimited = 429 "rate-limited" "Too many requests", retryable;
    ChallengeRequired = 403 "challenge-required" "A challenge must be solved first";
    ChallengeFailed = 403 "challenge-failed" "The challenge was not solved";
    ChallengeUnavailable = 503 "challenge-unavailable" "The challenge cannot be checked", retryable;
    LaneFull = 503 "lane-full" "Too much work waits already", retryable;
    ModelUnavailable = 503 "model-unavailable" "The model fails too often to be worth a try", retryable;
    OutboxFull = 503 "outbox-full" "The queue cannot be reached and no more jobs are taken", retryable;
    AccountFull = 503 "account-full" "The account stores as much as it may and no more jobs are taken", retryable;
    StorageUnavailable = 503 "storage-unavailable" "The storage cannot be reached", retryable;
    AccountBusy = 503 "account-busy" "The account's requests cannot be looked after at the moment", retryable;
    Internal = 500 "internal" "Something went wrong on our side", retryable;
}

impl ProblemCode {
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
            let passes = matches!(code.status(), 429 | 500 | 503) || *code == ProblemCode::IdempotencyInProgress;
            assert_eq!(code.retryable(), passes, "{code:?}");
        }
    }
}
