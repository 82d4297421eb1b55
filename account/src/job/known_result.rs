use forebay_contract::JobState;
use serde::{Deserialize, Serialize};

use super::Job;

/// A stored result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownResult {
    /// Its `Content-Type`.
    pub media_type: Option<String>,
    /// Its length.
    pub bytes: Option<u64>,
    /// When it was written last, in milliseconds since the epoch; `None` where nobody knows.
    #[serde(default)]
    pub stored_ms: Option<u64>,
}

impl KnownResult {
    /// The one that a job has.
    pub fn of(job: &Job) -> Self {
        Self { media_type: job.media_type.clone(), bytes: job.bytes, stored_ms: job.result_stored_ms() }
    }
    /// Makes it the answer of a job that was just accepted: there is nothing to be run.
    pub(crate) fn answer(self, job: &mut Job) {
        job.state = JobState::Succeeded;
        job.cached = 1;
        job.finished_ms = Some(job.accepted_ms);
        job.media_type = self.media_type;
        job.bytes = self.bytes;
        job.stored_ms = self.stored_ms;
        (job.check_ms, job.interests) = (None, None);
    }
}
