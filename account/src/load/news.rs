use std::collections::BTreeMap;

use forebay_admission::lane::{VersionCount, wait::WaitSample};
use forebay_contract::{FailureCode, JobState, Lane};

use crate::{
    job::{Job, promise::Promise},
    lane::MAX_WAITS,
};

/// What started and ended since the lanes last heard of it. They hear of it as differences: lost with a tally, it makes
/// estimates worse for a while and nothing else.
#[derive(Debug, Default)]
pub(super) struct News {
    lanes: BTreeMap<Lane, LaneNews>,
    /// Jobs of each model version that succeeded, and that failed for its own sake.
    outcomes: BTreeMap<(Lane, String, String), (u32, u32)>,
}

/// The news of one lane.
#[derive(Debug, Default)]
pub(super) struct LaneNews {
    /// Jobs that wait no more.
    pub(super) left_jobs: u64,
    /// The cost of jobs that ended.
    pub(super) left_ms: u64,
    /// The cost of those that a worker brought to an end.
    pub(super) ended_ms: u64,
    /// How long jobs took beside what they were promised.
    pub(super) waits: Vec<WaitSample>,
    /// How jobs of each model version ended.
    pub(super) outcomes: Vec<VersionCount>,
}

impl News {
    /// A job waits no more.
    pub(super) fn left(&mut self, lane: Lane) {
        self.lanes.entry(lane).or_default().left_jobs += 1;
    }

    /// A job that was open, and was promised so much, has ended.
    pub(super) fn ended(&mut self, job: &Job, promise: Option<Promise>) {
        let news = self.lanes.entry(job.lane).or_default();
        news.left_ms = news.left_ms.saturating_add(job.cost_ms);
        if let Some(wait) = promise.and_then(|promise| wait(&promise, job))
            && news.waits.len() < MAX_WAITS
        {
            news.waits.push(wait);
        }
        let (succeeded, failed) = match job.state {
            JobState::Succeeded => (1, 0),
            JobState::Failed if job.failure_code.is_some_and(is_the_models) => (0, 1),
            // What the client did says nothing about the lane.
            _ => return,
        };
        news.ended_ms = news.ended_ms.saturating_add(job.cost_ms);
        let counts = self.outcomes.entry((job.lane, job.model.clone(), job.version.clone())).or_default();
        *counts = (counts.0.saturating_add(succeeded), counts.1.saturating_add(failed));
    }

    /// The news of a lane, which are none any more.
    pub(super) fn take(&mut self, lane: Lane) -> LaneNews {
        let all = std::mem::take(&mut self.outcomes);
        let (here, elsewhere) = all.into_iter().partition(|((of, _, _), _)| *of == lane);
        self.outcomes = elsewhere;
        let here: BTreeMap<(Lane, String, String), (u32, u32)> = here;
        let count = |((_, model, version), (ok, failed))| VersionCount { model, version, ok, failed };
        let news = self.lanes.remove(&lane).unwrap_or_default();
        LaneNews { outcomes: here.into_iter().map(count).collect(), ..news }
    }
}

/// How long a job took that a worker has run; what was called off says nothing.
fn wait(promise: &Promise, job: &Job) -> Option<WaitSample> {
    let ran = job.started_ms.is_some() && matches!(job.state, JobState::Succeeded | JobState::Failed);
    let took_ms = job.finished_ms?.saturating_sub(job.accepted_ms) as f64;
    let Promise { expected_ms, eta, .. } = *promise;
    ran.then_some(WaitSample { expected_ms, p50_ms: eta.p50 as f64, p90_ms: eta.p90 as f64, took_ms })
}

/// Whether a failure says that the model version is broken, rather than the input.
fn is_the_models(code: FailureCode) -> bool {
    use FailureCode::{ExecutionFailed, ModelUnavailable, OutOfMemory, OutputInvalid};
    matches!(code, ModelUnavailable | ExecutionFailed | OutputInvalid | OutOfMemory)
}
