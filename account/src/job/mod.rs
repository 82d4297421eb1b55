//! A job: what is kept of it, what may become of it, and what is shown of it. Pure.

pub(crate) mod apply;
pub(crate) mod body;
pub(crate) mod ends;
#[cfg(any(test, feature = "schema"))]
pub mod example;
pub(crate) mod interests;
pub(crate) mod journal;
pub(crate) mod known_result;
pub(crate) mod offer;
pub(crate) mod promise;
pub(crate) mod timeline;
pub(crate) mod timing;

use forebay_contract::{
    Digest, FailureCode, JobFailure, JobId, JobState, Lane,
    state::{Phase, Transition, next},
};
use serde::{Deserialize, Deserializer, Serialize};

use self::{journal::EventName, offer::Offer};
use forebay_admission::{lane::position::QueueNumber, lifetime::Lifetime};

/// A job as its object keeps it, a row of `jobs`, and as it goes from the object to the Worker.
///
/// Times are milliseconds since the epoch; `None` is «not yet». One flat record, because a row is read by its columns'
/// names and old and new builds read each other's: nested, each of them would need a mirror of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    // What was asked for, and is to run.
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
    /// 1 when its result is everybody's who asks the same.
    #[serde(default, deserialize_with = "or_zero")]
    pub shared: u8,
    /// Where its input lies, if beside its message.
    #[serde(default)]
    pub input_key: Option<String>,
    /// For how long its plan keeps what it consists of, as JSON text: see `ends`.
    #[serde(default)]
    pub retention: Option<String>,
    /// Its message leaves no earlier.
    #[serde(default)]
    pub not_before_ms: Option<u64>,
    /// It expires when it has not started by then.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// The job that it runs again.
    #[serde(default)]
    pub retry_of: Option<JobId>,

    // How far it is.
    /// Where it stands.
    pub state: JobState,
    /// How often a worker has begun.
    pub attempt: u32,
    /// What it drew in its lane: answers carry it, its row does not keep it.
    #[serde(default, rename = "place")]
    pub queue_number: Option<QueueNumber>,
    /// Steps that are done, of a job that runs and reports them.
    #[serde(default)]
    pub done: Option<u32>,
    /// Steps in all.
    #[serde(default)]
    pub total: Option<u32>,
    /// The worker that had it last.
    pub worker: Option<String>,
    /// How many jobs ran in its batch.
    pub batch_size: Option<u32>,

    // When it got there.
    /// How long its limits let it wait before it was accepted.
    #[serde(default)]
    pub waited_ms: Option<u64>,
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
    /// When the first webhook had the news of its end.
    #[serde(default, rename = "told_ms")]
    pub delivered_ms: Option<u64>,
    /// What happened to it, see `journal`.
    #[serde(default)]
    pub log: Option<String>,

    // What came of it.
    /// 1 when the result was there before the job was; a number because SQLite has no truth values.
    pub cached: u8,
    /// The result's `Content-Type`.
    pub media_type: Option<String>,
    /// The result's length.
    pub bytes: Option<u64>,
    /// When its result was written last, where another job's run made it.
    #[serde(default)]
    pub stored_ms: Option<u64>,
    /// Its share of the device's time.
    pub device_ms: Option<f64>,
    /// Why it failed, for programs.
    pub failure_code: Option<FailureCode>,
    /// Why it failed, for people.
    pub failure_detail: Option<String>,

    // What its object alone needs to know.
    /// When the bucket is to be asked about it; `None` once nothing more is expected.
    pub check_ms: Option<u64>,
    /// How often the bucket has been asked in vain since the last news.
    pub checks: u32,
    /// Where its message is kept, once its queue has it.
    #[serde(default)]
    pub message_seq: Option<u64>,
    /// Who wants it, while it is open: see `interests`.
    #[serde(default)]
    pub interests: Option<String>,
    /// When its data was erased: what is left are numbers.
    #[serde(default)]
    pub erased_ms: Option<u64>,
}

/// Rows of before have nothing there.
fn or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(0))
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
    /// A new job of `offer`, accepted at `at_ms`, which the bucket is asked about at `check_ms`.
    pub fn accepted(id: JobId, offer: Offer, at_ms: u64, check_ms: u64) -> Self {
        let Offer { digest, model, version, parameters, lane, cost_ms, shared } = offer;
        Self {
            id,
            digest,
            model,
            version,
            parameters,
            lane,
            cost_ms,
            degraded: None,
            no_store: 0,
            shared: u8::from(shared),
            input_key: None,
            retention: None,
            not_before_ms: None,
            deadline_ms: None,
            retry_of: None,
            state: JobState::Queued,
            attempt: 0,
            queue_number: None,
            done: None,
            total: None,
            worker: None,
            batch_size: None,
            waited_ms: None,
            accepted_ms: at_ms,
            sent_ms: None,
            received_ms: None,
            started_ms: None,
            finished_ms: None,
            delivered_ms: None,
            log: None,
            cached: 0,
            media_type: None,
            bytes: None,
            stored_ms: None,
            device_ms: None,
            failure_code: None,
            failure_detail: None,
            check_ms: Some(check_ms),
            checks: 0,
            message_seq: None,
            interests: None,
            erased_ms: None,
        }
    }

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
    use crate::job::example::{START_MS, queued};

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
