//! A job, for tests and for the examples of the OpenAPI document.

use forebay_contract::{Digest, Input, JobId, Lane, Namespace, Parameters, ShardKey};

use super::{Job, offer::Offer};

/// When it was accepted, in milliseconds since the epoch.
pub const START_MS: u64 = 1_800_000_000_000;

/// A job accepted at [`START_MS`].
pub fn queued() -> Job {
    let offer = Offer {
        digest: Digest::new(Namespace::Account("acme"), "m", "1", &Parameters::new(), &Input::empty()),
        model: "m".to_owned(),
        version: "1".to_owned(),
        parameters: "{}".to_owned(),
        lane: Lane::FREE_LIGHT,
        cost_ms: 7,
        shared: false,
    };
    Job::accepted(JobId::new(START_MS, [7; 10], ShardKey::new("acme", 0)), offer, START_MS, START_MS + 30_000)
}
