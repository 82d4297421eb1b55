//! What the edge says to an object when a client submits.

use forebay_account::{Offer, Reuse, SubmitCall, Timing};
use forebay_admission::idempotency::Idempotency;
use forebay_contract::{
    Digest, Input, InputRef, JobId, JobMessage, MediaType, Namespace, Parameters, ShardKey,
    catalog::{Algorithm, Beyond, Dimension, LimitSpec, Unit, Window},
};
use forebay_limits::policy::Policy;
use sha2::Digest as _;

use crate::{
    client::Acting,
    native::{START_MS, since_start_ms},
    scenario::{STORED, Twist},
};

impl Acting {
    fn input(&self, input: Input) -> InputRef {
        let stored = |key: &str| InputRef::Stored {
            media_type: MediaType::Json,
            key: key.to_owned(),
            bytes: STORED.1.len() as u64,
            sha256: hex::encode(sha2::Sha256::digest(STORED.1)),
        };
        match self.client.twist {
            Twist::None | Twist::Version => InputRef::Inline { media_type: MediaType::Json, data: input.bytes },
            Twist::Media => InputRef::Inline { media_type: MediaType::Png, data: vec![1] },
            Twist::Stored => stored(STORED.0),
            Twist::Gone => stored("inputs/gone"),
        }
    }

    /// What the edge says to the object.
    pub(crate) fn call(&self, isolate: usize) -> (SubmitCall, String) {
        let (client, scenario) = (&self.client, self.scenario());
        let account = &scenario.accounts[client.account];
        let now_ms = START_MS + since_start_ms();
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.isolates.cloud.random(0, u64::MAX - 1).to_be_bytes());
        let id = JobId::new(now_ms, random, ShardKey::new(&account.name, 0));
        let input = Input { media_type: MediaType::Json, bytes: client.input.clone().into_bytes() };
        let digest = Digest::new(Namespace::Account(&account.name), client.model, "1", &Parameters::new(), &input);
        let version = if client.twist == Twist::Version { "9" } else { "1" };
        let deadline_ms = client.deadline_ms.map(|at_ms| START_MS + at_ms);
        let message = JobMessage {
            job_id: id,
            account: account.name.clone(),
            model: client.model.to_owned(),
            version: version.to_owned(),
            parameters: Parameters::new(),
            digest,
            input: self.input(input),
            cost_ms: 1.0,
            accepted_ms: now_ms,
            deadline_ms,
            traceparent: None,
        };
        let (model, parameters) = (client.model.to_owned(), "{}".to_owned());
        let call = SubmitCall {
            id,
            offer: Offer {
                digest,
                model,
                version: "1".to_owned(),
                parameters,
                lane: client.lane,
                cost_ms: 1,
                shared: false,
            },
            lighter: None,
            stale: Vec::new(),
            policy: Policy {
                plan: "free".to_owned(),
                limits: account.limit.map(|quantity| limit("own", Dimension::Account, quantity)).into_iter().collect(),
                common: scenario.shared_limit.map(|all| limit("all", Dimension::Global, all)).into_iter().collect(),
                multiplier: 1.0,
            },
            key: "k1".to_owned(),
            ip: "203.0.113.7/32".to_owned(),
            endpoint: "/v1/jobs".to_owned(),
            reuse: if client.fresh { Reuse::Unfinished } else { Reuse::Any },
            free_hits: false,
            known: self.isolates.known(isolate, &digest).filter(|_| !client.fresh),
            keep_ms: None,
            input_key: None,
            retention: None,
            again: false,
            idempotency: client.key.clone().map(|key| Idempotency { key, fingerprint: digest.to_hex() }),
            nothing_new: false,
            challenged: false,
            store: true,
            dry_run: false,
            wait_ms: client.wait_ms,
            timing: Timing {
                not_before_ms: client.not_before_ms.map(|at_ms| START_MS + at_ms),
                deadline_ms,
                retry_of: None,
                promise: None,
            },
        };
        (call, message.to_json().unwrap_or_default())
    }
}

/// So many in ten minutes, refilled evenly.
fn limit(name: &str, dimension: Dimension, quantity: u64) -> LimitSpec {
    LimitSpec {
        name: name.to_owned(),
        dimension,
        algorithm: Algorithm::TokenBucket,
        quantity,
        window: Some(Window::Seconds(600)),
        unit: Unit::Requests,
        beyond: Beyond::Reject,
    }
}
