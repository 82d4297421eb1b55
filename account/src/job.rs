use forebay_contract::{
    Digest, FailureCode, JobFailure, JobId, JobState, Lane,
    state::{Phase, Transition, next},
};
use serde::{Deserialize, Serialize};

use super::journal::{self, EventName};
use forebay_admission::{lane::position::QueueNumber, lifetime::Lifetime};

/// A job as its object keeps it: a row of `jobs`, and what object and Worker tell each other.
///
/// Times are milliseconds since the epoch; `None` is «not yet».
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The job.
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
    /// Predicted device milliseconds, rounded up.
    pub cost_ms: u64,
    /// Why another answer than the one asked for is given; `None` when it is the one.
    pub degraded: Option<Degraded>,
    /// 1 when no cache may keep the result.
    pub no_store: u8,
    /// Where it stands.
    pub state: JobState,
    /// How often a worker has begun.
    pub attempt: u32,
    /// 1 when the result was there before the job was; a number because SQLite has no truth values.
    pub cached: u8,
    /// When the edge accepted it.
    pub accepted_ms: u64,
    /// When the queue took its message.
    pub sent_ms: Option<u64>,
    /// When a worker received it (the worker's clock, as are the next two).
    pub received_ms: Option<u64>,
    /// When its batch began on the device.
    pub started_ms: Option<u64>,
    /// When its result or failure was stored, or it was canceled.
    pub finished_ms: Option<u64>,
    /// How many jobs ran in its batch.
    pub batch_size: Option<u32>,
    /// Its share of the device's time.
    pub device_ms: Option<f64>,
    /// The worker that had it last.
    pub worker: Option<String>,
    /// The result's `Content-Type`.
    pub media_type: Option<String>,
    /// The result's length.
    pub bytes: Option<u64>,
    /// Why it failed, for programs.
    pub failure_code: Option<FailureCode>,
    /// Why it failed, for people.
    pub failure_detail: Option<String>,
    /// When the bucket is to be asked about it; `None` once nothing more is expected.
    pub check_ms: Option<u64>,
    /// How often the bucket has been asked in vain since the last news.
    pub checks: u32,
    /// Steps that are done, of a job that runs and tells.
    #[serde(default)]
    pub done: Option<u32>,
    /// Steps in all.
    #[serde(default)]
    pub total: Option<u32>,
    /// Its message leaves no earlier.
    #[serde(default)]
    pub not_before_ms: Option<u64>,
    /// It expires when it has not started by then.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// The job that it runs again.
    #[serde(default)]
    pub retry_of: Option<JobId>,
    /// How long its limits let it wait before it was accepted.
    #[serde(default)]
    pub waited_ms: Option<u64>,
    /// What happened to it, see `journal`.
    #[serde(default)]
    pub log: Option<String>,
    /// When the first webhook had the news of its end.
    #[serde(default)]
    pub told_ms: Option<u64>,
    /// Where its message is kept, once its queue has it.
    #[serde(default)]
    pub message_seq: Option<u64>,
    /// When its result was written last, where another job's run made it.
    #[serde(default)]
    pub stored_ms: Option<u64>,
    /// Who wants it, while it is open: see `interests`.
    #[serde(default)]
    pub interests: Option<String>,
    /// Where it stands in its lane: told with the job, not kept in its row.
    #[serde(default)]
    pub place: Option<QueueNumber>,
}

/// Why another answer than the one asked for is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Degraded {
    /// A limit is exceeded: a lighter model answers.
    LighterModel,
    /// A limit is exceeded: a result of another version answers.
    StaleResult,
}

impl Degraded {
    /// The name in JSON and SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::LighterModel => "lighter-model",
            Self::StaleResult => "stale-result",
        }
    }
}

impl Job {
    /// Moves the job if the contract's state machine says so; whether it did.
    pub fn transition(&mut self, transition: Transition, now_ms: u64) -> bool {
        let Some(then) = next(Phase { state: self.state, attempt: self.attempt }, transition) else {
            return false;
        };
        journal::unfold(self);
        (self.state, self.attempt) = (then.state, then.attempt);
        if !matches!(transition, Transition::Succeeded) {
            // Another attempt begins with the first step.
            (self.done, self.total) = (None, None);
        }
        journal::note(self, EventName::of(transition), now_ms);
        if self.state.is_final() {
            self.finished_ms = self.finished_ms.or(Some(now_ms));
            self.check_ms = None;
            self.interests = None;
        }
        true
    }

    /// When to ask about it if `at_ms` would do: a job that has not started is asked about at its deadline.
    pub fn checked_by(&self, at_ms: u64) -> u64 {
        let deadline_ms = self.deadline_ms.filter(|_| self.state == JobState::Queued);
        deadline_ms.map_or(at_ms, |deadline_ms| deadline_ms.min(at_ms))
    }

    /// When its result was written last, in milliseconds since the epoch; `None` where nobody knows.
    pub fn result_stored_ms(&self) -> Option<u64> {
        self.stored_ms.or(self.finished_ms.filter(|_| self.cached == 0))
    }

    /// Whether its own URL shows its result for as long as others who are answered with it are promised.
    pub fn is_shown(&self, lifetime: Lifetime, now_ms: u64) -> bool {
        lifetime.shows(self.accepted_ms, self.finished_ms.unwrap_or(self.accepted_ms), now_ms)
    }

    /// Why the job failed, if it did.
    pub fn failure(&self) -> Option<JobFailure> {
        let (JobState::Failed, Some(code)) = (self.state, self.failure_code) else { return None };
        Some(JobFailure { job_id: self.id, code, detail: self.failure_detail.clone().unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{START_MS, queued};

    #[test]
    fn a_result_is_as_old_as_its_object_where_that_is_known() {
        let done = Job { state: JobState::Succeeded, finished_ms: Some(START_MS + 9), ..queued() };
        for (cached, stored_ms, expect) in
            [(0, None, Some(START_MS + 9)), (1, None, None), (1, Some(START_MS), Some(START_MS))]
        {
            assert_eq!(Job { cached, stored_ms, ..done.clone() }.result_stored_ms(), expect);
        }
        assert_eq!(queued().result_stored_ms(), None);
    }

    #[test]
    fn a_final_state_ends_the_checks_and_stamps_the_time_once() {
        let mut job = queued();
        assert!(job.transition(Transition::Canceled, START_MS + 5));
        assert_eq!((job.state, job.finished_ms, job.check_ms), (JobState::Canceled, Some(START_MS + 5), None));
        assert!(!job.transition(Transition::Succeeded, START_MS + 9));
        assert_eq!(job.finished_ms, Some(START_MS + 5));
    }
}
