//! An object's share of the lanes' work: what is open, and what has ended since its lanes were last told.

use std::collections::{BTreeMap, BTreeSet};

use forebay_contract::{FailureCode, JobState, Lane};
use serde::Deserialize;

use super::Job;
use crate::admission::lane::{Outcome, Tally};

/// Jobs that have not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Open {
    jobs: u64,
    cost_ms: u64,
}

/// A lane's open jobs, as the table counts them.
#[derive(Debug, Deserialize)]
pub struct OpenRow {
    pub lane: Lane,
    pub jobs: u64,
    pub cost_ms: u64,
}

/// Open work by lane, and what lanes do not know yet.
#[derive(Debug, Default)]
pub struct Load {
    open: BTreeMap<Lane, Open>,
    ended_ms: BTreeMap<Lane, u64>,
    outcomes: BTreeMap<(Lane, String, String), (u32, u32)>,
    untold: BTreeSet<Lane>,
}

impl Load {
    /// What the table has; lanes are told of it anew.
    pub fn new(rows: Vec<OpenRow>) -> Self {
        let untold = rows.iter().map(|row| row.lane).collect();
        let open = rows.into_iter().map(|row| (row.lane, Open { jobs: row.jobs, cost_ms: row.cost_ms })).collect();
        Self { open, untold, ..Self::default() }
    }

    /// Jobs that have not ended, in all lanes.
    pub fn jobs(&self) -> u64 {
        self.open.values().map(|open| open.jobs).sum()
    }

    /// Whether some lane has something to be told.
    pub fn has_news(&self) -> bool {
        !self.untold.is_empty()
    }

    /// A job was accepted and waits.
    pub fn opened(&mut self, job: &Job) {
        let open = self.open.entry(job.lane).or_default();
        open.jobs += 1;
        open.cost_ms = open.cost_ms.saturating_add(job.cost_ms);
        self.untold.insert(job.lane);
    }

    /// A job that was open has ended.
    pub fn ended(&mut self, job: &Job) {
        let open = self.open.entry(job.lane).or_default();
        open.jobs = open.jobs.saturating_sub(1);
        open.cost_ms = open.cost_ms.saturating_sub(job.cost_ms);
        self.untold.insert(job.lane);
        let outcome = match job.state {
            JobState::Succeeded => (1, 0),
            JobState::Failed if job.failure_code.is_some_and(is_the_models) => (0, 1),
            // What the client did says nothing about the lane.
            _ => return,
        };
        let ended_ms = self.ended_ms.entry(job.lane).or_default();
        *ended_ms = ended_ms.saturating_add(job.cost_ms);
        let counts = self.outcomes.entry((job.lane, job.model.clone(), job.version.clone())).or_default();
        *counts = (counts.0.saturating_add(outcome.0), counts.1.saturating_add(outcome.1));
    }

    /// What each lane that has news is to be told by the object `shard`; from then on it counts as told.
    pub fn tallies(&mut self, shard: &str) -> Vec<(Lane, Tally)> {
        let lanes = std::mem::take(&mut self.untold);
        lanes.into_iter().map(|lane| (lane, self.tally(lane, shard))).collect()
    }

    /// A lane could not be told: it is told again with what comes next. What ended meanwhile is lost for its rate;
    /// what is open is told whole each time.
    pub fn not_told(&mut self, lane: Lane) {
        self.untold.insert(lane);
    }

    fn tally(&mut self, lane: Lane, shard: &str) -> Tally {
        let open = self.open.get(&lane).copied().unwrap_or_default();
        let outcomes = std::mem::take(&mut self.outcomes);
        let (here, elsewhere) = outcomes.into_iter().partition(|((of, _, _), _)| *of == lane);
        self.outcomes = elsewhere;
        let here: BTreeMap<(Lane, String, String), (u32, u32)> = here;
        Tally {
            shard: shard.to_owned(),
            open_ms: open.cost_ms as f64,
            open_jobs: open.jobs,
            ended_ms: self.ended_ms.remove(&lane).unwrap_or_default() as f64,
            outcomes: here
                .into_iter()
                .map(|((_, model, version), (ok, failed))| Outcome { model, version, ok, failed })
                .collect(),
        }
    }
}

/// Whether a failure says that the model version is broken, rather than the input.
fn is_the_models(code: FailureCode) -> bool {
    use FailureCode::{ExecutionFailed, ModelUnavailable, OutOfMemory, OutputInvalid};
    matches!(code, ModelUnavailable | ExecutionFailed | OutputInvalid | OutOfMemory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::job::tests::queued;

    fn ended(state: JobState, failure_code: Option<FailureCode>) -> Job {
        Job { state, failure_code, ..queued() }
    }

    #[test]
    fn open_work_is_told_whole_and_what_ended_once() {
        let mut load = Load::default();
        load.opened(&queued());
        load.opened(&queued());
        load.ended(&ended(JobState::Succeeded, None));
        load.opened(&Job { lane: Lane::PaidHeavy, ..queued() });
        assert_eq!(load.jobs(), 2);
        let tallies = load.tallies("s");
        assert_eq!(tallies.len(), 2);
        let (lane, tally) = tallies.last().unwrap();
        assert_eq!(*lane, Lane::FreeLight);
        assert_eq!((tally.open_ms, tally.open_jobs, tally.ended_ms), (7.0, 1, 7.0));
        assert_eq!((tally.outcomes[0].ok, tally.outcomes[0].failed), (1, 0));
        assert!(!load.has_news());
        load.not_told(Lane::FreeLight);
        let again = load.tallies("s");
        assert_eq!((again[0].1.open_jobs, again[0].1.ended_ms, again[0].1.outcomes.len()), (1, 0.0, 0));
    }

    #[test]
    fn only_the_models_own_failures_count_against_it() {
        for (job, expect) in [
            (ended(JobState::Failed, Some(FailureCode::ModelUnavailable)), Some((0, 1))),
            (ended(JobState::Failed, Some(FailureCode::ImageUndecodable)), None),
            (ended(JobState::Canceled, None), None),
            (ended(JobState::Expired, None), None),
        ] {
            let mut load = Load::default();
            load.opened(&queued());
            load.ended(&job);
            let (_, tally) = load.tallies("s").remove(0);
            let found = tally.outcomes.first().map(|outcome| (outcome.ok, outcome.failed));
            assert_eq!((tally.open_jobs, found), (0, expect), "{job:?}");
        }
    }

    #[test]
    fn an_object_that_wakes_up_tells_what_it_has() {
        let mut load = Load::new(vec![OpenRow { lane: Lane::FreeHeavy, jobs: 3, cost_ms: 30 }]);
        assert!(load.has_news());
        assert_eq!(load.jobs(), 3);
        assert_eq!(load.tallies("s")[0].1.open_ms, 30.0);
    }
}
