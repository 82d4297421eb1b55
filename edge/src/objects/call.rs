//! What the Worker says to an Account object and what it answers.

use forebay_contract::{Digest, JobId, Lane, ReportEvent, catalog::LimitSpec};
use serde::{Deserialize, Serialize};

use super::Job;
use crate::admission::limit::Standing;

/// A call: the first line of the request's body, as JSON. A submission's message is the rest of it, untouched.
#[derive(Debug, Serialize, Deserialize)]
pub enum Call {
    /// Admit a job. Answer: [`SubmitAnswer`].
    Submit(Box<SubmitCall>),
    /// The job, waiting up to `wait_ms` for its end. Answer: `Option<Job>`.
    Job {
        /// Which.
        id: JobId,
        /// How long to wait.
        wait_ms: u64,
    },
    /// Call a job off. Answer: [`CancelAnswer`].
    Cancel {
        /// Which.
        id: JobId,
    },
    /// The job's result is gone from the bucket. Answer: `Option<Job>`.
    Expire {
        /// Which.
        id: JobId,
    },
    /// What a worker reported of this object's jobs. Answer: `ReportAnswer`.
    Report {
        /// The worker's name.
        worker: String,
        /// Oldest first.
        events: Vec<ReportEvent>,
    },
}

/// A job to admit.
#[derive(Debug, Serialize, Deserialize)]
pub struct SubmitCall {
    /// The id it gets when it is new.
    pub id: JobId,
    /// The name of its result.
    pub digest: Digest,
    /// The model's name.
    pub model: String,
    /// The model's version.
    pub version: String,
    /// The resolved parameters, as JSON text.
    pub parameters: String,
    /// The queue it waits in.
    pub lane: Lane,
    /// The limits of the caller's plan.
    pub limits: Vec<LimitSpec>,
    /// Whether an earlier job of the same digest may answer for it.
    pub join: bool,
    /// Set when the result is known to be stored: then nothing is queued.
    pub known: Option<KnownResult>,
    /// How long to wait for the job's end before answering, in milliseconds.
    pub wait_ms: u64,
}

/// A stored result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KnownResult {
    /// Its `Content-Type`.
    pub media_type: Option<String>,
    /// Its length.
    pub bytes: Option<u64>,
}

/// How a submission ended.
#[derive(Debug, Serialize, Deserialize)]
pub enum SubmitAnswer {
    /// It is a job now, or an earlier one answers for it.
    Admitted {
        /// The job.
        job: Box<Job>,
        /// Whether `job` was there before.
        joined: bool,
        /// How the caller stands with its limits.
        standings: Vec<Standing>,
    },
    /// A limit is used up.
    Denied {
        /// How the caller stands with its limits.
        standings: Vec<Standing>,
    },
    /// Too many jobs wait for an unreachable queue.
    OutboxFull {
        /// When the queue is tried next, from now.
        retry_after_ms: u64,
    },
}

/// How a cancellation ended.
#[derive(Debug, Serialize, Deserialize)]
pub enum CancelAnswer {
    /// It is canceled.
    Canceled {
        /// The job.
        job: Box<Job>,
    },
    /// It had ended before.
    Ended {
        /// The job.
        job: Box<Job>,
    },
    /// There is no such job.
    Unknown,
}
