//! A submission as the Worker hands it to its object, and what comes of it.

use forebay_admission::idempotency::Idempotency;
use forebay_contract::{
    JobId,
    catalog::{Beyond, Retention},
};
use forebay_limits::policy::{LimitStatus, Policy, Subject, Violation};
use serde::{Deserialize, Serialize};

use crate::job::{Job, known_result::KnownResult, offer::Offer, timing::Timing};

/// A job to admit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmitCall {
    /// The id it gets when it is new.
    pub id: JobId,
    /// What is to run.
    pub offer: Offer,
    /// What runs instead where a limit says `degrade`.
    pub lighter: Option<Box<Offer>>,
    /// Whose stored results may answer instead where a limit says `degrade`, best first.
    pub stale: Vec<Offer>,
    /// The limits.
    pub policy: Policy,
    /// The API key's id; empty for callers without one.
    pub key: String,
    /// The caller's address prefix.
    pub ip: String,
    /// The path's pattern.
    pub endpoint: String,
    /// What earlier jobs of the same digest may do for it.
    pub reuse: Reuse,
    /// Whether an answer that is there already counts against no limit.
    pub free_hits: bool,
    /// The result, where it is known to be stored for long enough: then nothing is queued.
    pub known: Option<KnownResult>,
    /// For how long the plan shows a result, in milliseconds; as long as jobs are kept, unless said.
    #[serde(default)]
    pub keep_ms: Option<u64>,
    /// Whether it was sent before, and nobody knows what became of it: if there is a job of this id, that is the answer.
    #[serde(default)]
    pub again: bool,
    /// Sending it again is not asking again.
    pub idempotency: Option<Idempotency>,
    /// Whether nothing new is taken at the moment: then what was decided under the idempotency key may be answered again,
    /// and an identical job joined, and nothing else.
    pub nothing_new: bool,
    /// Whether the caller has solved a challenge.
    pub challenged: bool,
    /// Whether caches may keep the result.
    pub store: bool,
    /// Decide only: write nothing, spend nothing.
    pub dry_run: bool,
    /// How long to wait for the job's end before answering, in milliseconds.
    pub wait_ms: u64,
    /// When it may start and when it is too late.
    #[serde(default)]
    pub timing: Timing,
    /// Where its input lies, if beside its message.
    #[serde(default)]
    pub input_key: Option<String>,
    /// For how long its plan keeps what it consists of; as long as jobs are kept, unless said.
    #[serde(default)]
    pub retention: Option<Retention>,
}

/// What an earlier job of the same digest may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reuse {
    /// Answer, finished or not.
    Any,
    /// Answer while it is under way: a client that wants no cached answer still needs it run once only.
    Unfinished,
    /// Nothing: a parameter was drawn for this job alone.
    Nothing,
}

impl SubmitCall {
    /// What limits count it by, when `offer` runs.
    pub fn subject<'a>(&'a self, offer: &'a Offer) -> Subject<'a> {
        Subject {
            key: &self.key,
            ip: &self.ip,
            endpoint: &self.endpoint,
            model: &offer.model,
            lane: offer.lane,
            cost_ms: offer.cost_ms,
        }
    }

    /// How long the limits let it wait for its turn; `None` when none of them does.
    pub fn patience_ms(&self) -> Option<u64> {
        let limits = self.policy.limits.iter();
        let waits =
            limits.filter_map(|limit| if let Beyond::Wait(most_ms) = limit.beyond { Some(most_ms) } else { None });
        waits.min()
    }
}

/// How a submission ended.
#[derive(Debug, Serialize, Deserialize)]
pub enum SubmitAnswer {
    /// It is a job now, or an earlier one answers for it. After a dry run: it would be.
    Admitted {
        /// The job.
        job: Box<Job>,
        /// Whether `job` was there before.
        joined: bool,
        /// How the caller stands with its limits.
        #[serde(rename = "standings")]
        statuses: Vec<LimitStatus>,
    },
    /// Only after a dry run: it would wait for its turn.
    Waits {
        /// How long, as far as can be foreseen, in milliseconds.
        expected_ms: u64,
        /// How long at most; then it would be refused.
        most_ms: u64,
        /// How the caller stands with its limits.
        #[serde(rename = "standings")]
        statuses: Vec<LimitStatus>,
    },
    /// Limits do not let it pass.
    Denied {
        /// The limits that do not.
        violations: Vec<Violation>,
        /// How the caller stands with its limits.
        #[serde(rename = "standings")]
        statuses: Vec<LimitStatus>,
    },
    /// Too many jobs wait for an unreachable queue.
    OutboxFull {
        /// When the queue is tried next, from now.
        retry_after_ms: u64,
    },
    /// The object stores so much that it takes nothing new.
    AccountFull,
    /// The key is revoked.
    Revoked,
    /// Nothing is there that could answer, and nothing new is taken.
    #[serde(rename = "NothingToTell")]
    NothingKnown,
    /// The idempotency key was used for another request.
    IdempotencyMismatch,
    /// Another request of the same idempotency key is being decided.
    IdempotencyInProgress,
}
