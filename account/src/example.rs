//! A job, for tests and for the examples of the OpenAPI document.

use forebay_contract::{Digest, Input, JobId, JobState, Lane, Namespace, Parameters, ShardKey};

use crate::Job;

/// When it was accepted, in milliseconds since the epoch.
pub const START_MS: u64 = 1_800_000_000_000;

/// A job accepted at [`START_MS`].
pub fn queued() -> Job {
    Job {
        id: JobId::new(START_MS, [7; 10], ShardKey::new("acme", 0)),
        digest: Digest::new(Namespace::Account("acme"), "m", "1", &Parameters::new(), &Input::empty()),
        model: "m".to_owned(),
        version: "1".to_owned(),
        parameters: "{}".to_owned(),
        lane: Lane::FreeLight,
        cost_ms: 7,
        degraded: None,
        no_store: 0,
        state: JobState::Queued,
        attempt: 0,
        cached: 0,
        accepted_ms: START_MS,
        sent_ms: None,
        received_ms: None,
        started_ms: None,
        finished_ms: None,
        batch_size: None,
        device_ms: None,
        worker: None,
        media_type: None,
        bytes: None,
        failure_code: None,
        failure_detail: None,
        check_ms: Some(START_MS + 30_000),
        checks: 0,
        done: None,
        total: None,
        not_before_ms: None,
        deadline_ms: None,
        retry_of: None,
        waited_ms: None,
        log: None,
        told_ms: None,
        message_seq: None,
        stored_ms: None,
        interests: None,
        place: None,
    }
}
