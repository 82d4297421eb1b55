//! Reports: signed batches of events, backend → edge. A hint, never the truth.

use serde::{Deserialize, Serialize};

use crate::{FailureCode, JobId, state::Transition};

/// The most events one report may carry.
pub const MAX_EVENTS: usize = 100;

/// The path reports are posted to.
pub const PATH: &str = "/internal/v1/reports";

/// One batch of events from one worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// The worker's name, for logs.
    pub worker: String,
    /// What happened, oldest first; at most [`MAX_EVENTS`].
    pub events: Vec<ReportEvent>,
}

/// One thing that happened to one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportEvent {
    /// The job.
    pub job_id: JobId,
    /// Which delivery of the job's message this is about, from 1.
    pub attempt: u32,
    /// The worker's clock when it happened.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What may happen to a job at a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum EventKind {
    /// The worker has the message and asks whether it is still wanted: the answer names canceled jobs.
    Received,
    /// The job's batch began on the device.
    Started {
        /// How many jobs run in the batch.
        batch_size: u32,
    },
    /// A job of several steps has gone on.
    Progress {
        /// Steps done.
        done: u32,
        /// Steps in all.
        total: u32,
    },
    /// The result is stored.
    Succeeded {
        /// The result's `Content-Type`.
        media_type: String,
        /// The result's length.
        bytes: u64,
        /// The job's share of the device's time; 0 when the result was already there.
        device_ms: f64,
    },
    /// A failure is stored.
    Failed {
        /// Why, for programs.
        code: FailureCode,
        /// Why, for people.
        detail: String,
    },
    /// The worker gave the message back to the lane.
    Returned {
        /// When it comes again at the earliest, in milliseconds from then, where that is not at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again_ms: Option<u64>,
    },
}

impl EventKind {
    /// The name in JSON and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Started { .. } => "started",
            Self::Progress { .. } => "progress",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Returned { .. } => "returned",
        }
    }
}

impl ReportEvent {
    /// What the event means for the job's state; `None` where it means nothing.
    pub fn transition(&self) -> Option<Transition> {
        match &self.kind {
            EventKind::Received | EventKind::Progress { .. } => None,
            EventKind::Started { .. } => Some(Transition::Started(self.attempt)),
            EventKind::Succeeded { .. } => Some(Transition::Succeeded),
            EventKind::Failed { .. } => Some(Transition::Failed(self.attempt)),
            EventKind::Returned { .. } => Some(Transition::Returned(self.attempt)),
        }
    }
}

/// What the edge answers to a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportAnswer {
    /// Jobs of the report that nobody wants any more: acknowledge them without running.
    pub canceled: Vec<JobId>,
}
