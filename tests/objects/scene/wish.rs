use std::cell::Cell;

use forebay_account::{Offer, Reuse, SubmitCall, Timing};
use forebay_admission::idempotency::Idempotency;
use forebay_contract::{Digest, Input, InputRef, JobId, JobMessage, Lane, MediaType, Namespace, Parameters, ShardKey};
use forebay_limits::policy::Policy;

use super::LANE;

thread_local! {
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

/// What a client asks for. Each differs from the others in its input, unless it is given one.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) input: String,
    pub(crate) lane: Lane,
    pub(crate) timing: Timing,
    pub(crate) key: Option<String>,
    pub(crate) wait_ms: u64,
    /// Anything else that the edge says to the object.
    pub(crate) change: fn(&mut SubmitCall),
}

impl Default for Wish {
    fn default() -> Self {
        NUMBER.set(NUMBER.get() + 1);
        Self {
            input: format!("[{}, 1]", NUMBER.get()),
            lane: LANE,
            timing: Timing::default(),
            key: None,
            wait_ms: 0,
            change: |_| {},
        }
    }
}

impl Wish {
    pub(crate) fn to(lane: Lane) -> Self {
        Self { lane, ..Self::default() }
    }

    /// As the edge calls the object: with the message that the queue gets.
    pub(super) fn call(&self, shard: ShardKey, now_ms: u64) -> (SubmitCall, String) {
        NUMBER.set(NUMBER.get() + 1);
        let mut random = [0; 10];
        random[2..].copy_from_slice(&NUMBER.get().to_be_bytes());
        let id = JobId::new(now_ms, random, shard);
        let input = Input { media_type: MediaType::Json, bytes: self.input.clone().into_bytes() };
        let digest = Digest::new(Namespace::Account("acme"), "doubler", "1", &Parameters::new(), &input);
        let message = JobMessage {
            job_id: id,
            account: "acme".to_owned(),
            model: "doubler".to_owned(),
            version: "1".to_owned(),
            parameters: Parameters::new(),
            digest,
            input: InputRef::Inline { media_type: MediaType::Json, data: input.bytes },
            cost_ms: 1.0,
            accepted_ms: now_ms,
            deadline_ms: self.timing.deadline_ms,
            traceparent: None,
        };
        let offer = Offer {
            digest,
            model: "doubler".to_owned(),
            version: "1".to_owned(),
            parameters: "{}".to_owned(),
            lane: self.lane,
            cost_ms: 1,
            shared: false,
        };
        let fingerprint = digest.to_hex();
        let mut call = SubmitCall {
            id,
            offer,
            lighter: None,
            stale: Vec::new(),
            policy: Policy { plan: "free".to_owned(), limits: Vec::new(), common: Vec::new(), multiplier: 1.0 },
            key: "k1".to_owned(),
            ip: "203.0.113.7/32".to_owned(),
            endpoint: "/v1/jobs".to_owned(),
            reuse: Reuse::Any,
            free_hits: false,
            known: None,
            keep_ms: None,
            input_key: None,
            retention: None,
            again: false,
            idempotency: self.key.clone().map(|key| Idempotency { key, fingerprint }),
            nothing_new: false,
            challenged: false,
            store: true,
            dry_run: false,
            wait_ms: self.wait_ms,
            timing: self.timing.clone(),
        };
        (self.change)(&mut call);
        (call, message.to_json().unwrap())
    }
}
