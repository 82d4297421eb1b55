use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::id::JobId;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// Accepted, not started.
    Queued,
    /// A worker has it.
    Running,
    /// The result is stored.
    Succeeded,
    /// It failed, and says why.
    Failed,
    /// It was called off.
    Canceled,
    /// Its deadline, or its result's lifetime, is over.
    Expired,
    /// Something that this version does not know; taken for «goes on».
    #[serde(other)]
    Unknown,
}

impl JobStatus {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }

    /// Whether nothing more will happen to the job.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled | Self::Expired)
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A job. All moments are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Job {
    /// What the job is asked for by.
    pub id: JobId,
    /// How far the job is.
    pub status: JobStatus,
    /// What was asked for.
    #[serde(default)]
    pub model: String,
    /// `model@version`: what runs.
    #[serde(default)]
    pub served_model: Option<String>,
    /// Whether something else answers than was asked for.
    #[serde(default)]
    pub degraded: bool,
    /// Why.
    #[serde(default)]
    pub degraded_reason: Option<String>,
    /// The queue that it waits in.
    #[serde(default)]
    pub lane: Option<String>,
    /// What limits count: predicted milliseconds on the device.
    #[serde(default)]
    pub cost_ms: Option<u64>,
    /// How often a worker began.
    #[serde(default)]
    pub attempt: u32,
    /// Whether the result was there before it was asked for.
    #[serde(default)]
    pub cached: bool,
    /// When the job was accepted, started and ended.
    #[serde(default)]
    pub timeline: Timeline,
    /// The model's parameters, with what was left out.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// What it took on the device.
    #[serde(default)]
    pub device_ms: Option<f64>,
    /// Its place, while it waits.
    #[serde(default)]
    pub queue: Option<Queue>,
    /// How far it is, while it runs.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// The moment before which it does not begin.
    #[serde(default)]
    pub not_before_ms: Option<u64>,
    /// The moment after which its result is worth nothing.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// Why the job failed, where it did.
    #[serde(default)]
    pub failure: Option<JobFailure>,
}

/// When a job went from one state to the next; `None` is «not yet».
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Timeline {
    /// The service took it.
    pub accepted_ms: Option<u64>,
    /// It is in the queue.
    pub sent_ms: Option<u64>,
    /// A worker has it.
    pub received_ms: Option<u64>,
    /// When a worker began to run it.
    pub started_ms: Option<u64>,
    /// When it ended, however it did.
    pub finished_ms: Option<u64>,
}

/// A waiting job's place.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Queue {
    /// Which queue; empty where an older service does not say it here: [`Job::lane`] does.
    pub lane: String,
    /// How many are before it, itself included.
    pub position: Option<u64>,
    /// How long it is until the job's end.
    pub eta_ms: Option<EtaMs>,
}

/// A forecast, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct EtaMs {
    /// As likely sooner as later.
    pub p50: f64,
    /// The job ends sooner in nine cases of ten.
    pub p90: f64,
}

/// How far a running job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// How many steps are done.
    pub done: u64,
    /// How many steps there are in all.
    pub total: u64,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct JobFailure {
    /// Why, as a code that programs compare.
    pub code: String,
    /// Why, in a sentence for people.
    pub detail: String,
    /// Whether the same job may succeed when sent again.
    pub retryable: bool,
}

/// One page of jobs, newest first.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct JobPage {
    /// The jobs of this page, newest first.
    pub jobs: Vec<Job>,
    /// Where the next page begins; `None` on the last.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// What a job made.
#[derive(Clone, PartialEq, Eq)]
pub struct JobResult {
    /// `application/json`, `image/png` and others.
    pub media_type: String,
    /// The result as it is stored.
    pub bytes: Bytes,
}

/// Results are not printed by accident.
impl fmt::Debug for JobResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobResult({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_is_read_whatever_is_left_out_or_new() {
        let job: Job = serde_json::from_value(json!({"id": "job_1", "status": "paused", "news": 1})).unwrap();
        assert!(job.status == JobStatus::Unknown && !job.status.is_final() && job.queue.is_none());
        let job: Job = serde_json::from_value(json!({
            "id": "job_1", "status": "queued",
            "queue": {"lane": "paid-light", "position": 3, "eta_ms": {"p50": 1200, "p90": 4000.5}},
            "progress": null, "not_before_ms": null, "deadline_ms": 5, "failure": null, "device_ms": null,
            "timeline": {"accepted_ms": 5, "sent_ms": null},
        }))
        .unwrap();
        let queue = job.queue.unwrap();
        assert_eq!((queue.position, queue.eta_ms.map(|eta| eta.p90)), (Some(3), Some(4000.5)));
    }
}
