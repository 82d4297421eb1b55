//! What a submission's header fields ask for.

use forebay_contract::Traceparent;

use crate::http::Incoming;
use forebay_account::Reuse;
use forebay_admission::{
    Refusal,
    cache_control::{self, CacheControl},
    idempotency, prefer,
};

/// What one request asks for besides its body.
pub struct Wishes {
    /// How long the client would wait for the result, in seconds.
    pub wait_s: Option<u64>,
    /// Whether nothing may answer but what was asked for.
    pub strict: bool,
    /// What caches may answer and keep.
    pub cache: CacheControl,
    /// The model version, where one is named.
    pub version: Option<String>,
    /// The key under which sending it again is not asking again.
    pub idempotency_key: Option<String>,
    /// The token of a solved challenge.
    pub challenge: Option<String>,
    /// W3C trace context; malformed ones are dropped, not refused.
    pub traceparent: Option<Traceparent>,
}

impl Wishes {
    /// Reads what the header of a request has.
    pub fn of(incoming: &Incoming) -> Result<Self, Refusal> {
        let prefer = incoming.prefer.as_deref();
        Ok(Self {
            wait_s: prefer::wait_s(prefer)?,
            strict: prefer::is_strict(prefer),
            cache: cache_control::read(incoming.cache_control.as_deref()),
            version: incoming.model_version.clone(),
            idempotency_key: idempotency::key(incoming.idempotency_key.as_deref())?,
            challenge: incoming.turnstile_response.clone(),
            traceparent: incoming.traceparent.as_deref().and_then(Traceparent::parse),
        })
    }

    /// Whether a refusal of a moment ago would still be the answer: not when this may be a repetition of what was
    /// accepted, nor when a challenge was solved meanwhile.
    pub fn may_be_refused_unheard(&self) -> bool {
        self.idempotency_key.is_none() && self.challenge.is_none()
    }

    /// What earlier jobs may do for it; `drawn`: a parameter was drawn for this one alone.
    pub fn reuse(&self, drawn: bool) -> Reuse {
        match (drawn, self.cache.reuse) {
            (true, _) => Reuse::Nothing,
            (false, true) => Reuse::Any,
            (false, false) => Reuse::Unfinished,
        }
    }
}
