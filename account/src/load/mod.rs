//! An object's share of the lanes' work: what is open, and what has ended since its lanes last heard of it. Pure.

mod estimates;
mod news;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use forebay_admission::lane::{LaneStatus, Tally, position::QueueNumber};
use forebay_contract::{JobId, JobState, Lane, catalog::LaneSpec, ordered};
use serde::Deserialize;

pub(crate) use self::estimates::KeptEstimate;
use self::{
    estimates::Estimates,
    news::{LaneNews, News},
};
use crate::job::{Job, promise::Promise};

/// Jobs that have not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Open {
    jobs: u64,
    cost_ms: u64,
    queued: u64,
}

/// A lane's open jobs, as the table counts them.
#[derive(Debug, Deserialize)]
pub struct OpenRow {
    pub lane: Lane,
    pub jobs: u64,
    pub cost_ms: u64,
    pub queued: u64,
}

/// What the tables have of open jobs.
#[derive(Debug, Default)]
pub struct Stored {
    /// Those that may start, by lane.
    pub open: Vec<OpenRow>,
    /// Those that may not start yet.
    pub delayed: Vec<Job>,
    /// What was kept of them.
    pub kept: Vec<(JobId, KeptEstimate)>,
}

/// Open work by lane, and what lanes do not know yet.
#[derive(Debug, Default)]
pub struct Load {
    open: BTreeMap<Lane, Open>,
    /// Jobs that may not start yet: no lane hears of them, and nobody is behind them.
    delayed: BTreeMap<JobId, Delayed>,
    estimates: Estimates,
    news: News,
    /// Lanes that have something to hear.
    unannounced: BTreeSet<Lane>,
    /// Jobs that their lane has not counted yet, with their cost, oldest first; and those that are being announced to it.
    uncounted: BTreeMap<Lane, VecDeque<(JobId, u64)>>,
    announcing: BTreeMap<Lane, VecDeque<(JobId, u64)>>,
    /// How the lanes stood when they last answered, and the rate that is expected of them.
    statuses: BTreeMap<Lane, LaneStatus>,
    rates: BTreeMap<Lane, f64>,
}

#[derive(Debug, Clone, Copy)]
struct Delayed {
    lane: Lane,
    cost_ms: u64,
    start_ms: u64,
}

impl Load {
    /// Of an object that wakes up; all of it is announced to the lanes anew.
    pub fn new(stored: Stored) -> Self {
        let Stored { open: rows, delayed, kept } = stored;
        let unannounced = ordered::set(rows.iter().map(|row| row.lane));
        let open = |row: OpenRow| (row.lane, Open { jobs: row.jobs, cost_ms: row.cost_ms, queued: row.queued });
        let open = ordered::map(rows.into_iter().map(open));
        let mut load = Self { open, unannounced, estimates: Estimates::new(kept), ..Self::default() };
        delayed.iter().for_each(|job| load.opened(job));
        load
    }

    /// Jobs that have not ended, in all lanes.
    pub fn jobs(&self) -> u64 {
        self.open.values().map(|open| open.jobs).sum::<u64>() + self.delayed.len() as u64
    }

    /// Whether there is something to be announced to a lane.
    pub fn has_news(&self) -> bool {
        !self.unannounced.is_empty()
    }

    /// A job was accepted and waits: in its lane, or for its time.
    pub fn opened(&mut self, job: &Job) {
        match job.not_before_ms {
            Some(start_ms) => {
                let delayed = Delayed { lane: job.lane, cost_ms: job.cost_ms, start_ms };
                self.delayed.insert(job.id, delayed);
            }
            None => self.entered(job.id, job.lane, job.cost_ms),
        }
    }

    /// Jobs whose time has come enter their lanes.
    pub fn released(&mut self, now_ms: u64) {
        let (due, delayed) = std::mem::take(&mut self.delayed).into_iter().partition(|(_, job)| job.start_ms <= now_ms);
        self.delayed = delayed;
        let due: BTreeMap<JobId, Delayed> = due;
        for (id, Delayed { lane, cost_ms, .. }) in due {
            self.entered(id, lane, cost_ms);
        }
    }

    fn entered(&mut self, id: JobId, lane: Lane, cost_ms: u64) {
        let open = self.open.entry(lane).or_default();
        open.jobs += 1;
        open.queued += 1;
        open.cost_ms = open.cost_ms.saturating_add(cost_ms);
        self.unannounced.insert(lane);
        self.uncounted.entry(lane).or_default().push_back((id, cost_ms));
    }

    /// What a job that was just opened was promised.
    pub fn promised(&mut self, job: &Job, promise: Promise) {
        self.rates.insert(job.lane, promise.rate);
        // What starts later by wish says nothing about the lane.
        if job.not_before_ms.is_none() {
            self.estimates.promised(job.id, promise);
        }
    }

    /// A job that was in state `before` has changed.
    pub fn moved(&mut self, before: JobState, job: &Job) {
        if self.delayed.contains_key(&job.id) {
            if job.state == JobState::Queued {
                return;
            }
            let delayed = self.delayed.remove(&job.id);
            if job.state.is_final() {
                // No lane has heard of it.
                return;
            }
            if let Some(Delayed { lane, cost_ms, .. }) = delayed {
                self.entered(job.id, lane, cost_ms);
            }
        }
        let (was, is) = (before == JobState::Queued, job.state == JobState::Queued);
        if was != is {
            let open = self.open.entry(job.lane).or_default();
            open.queued = if is { open.queued.saturating_add(1) } else { open.queued.saturating_sub(1) };
            self.unannounced.insert(job.lane);
            if was {
                self.news.left(job.lane);
            }
        }
        if !before.is_final() && job.state.is_final() {
            self.ended(job);
        }
    }

    /// What the job drew in its lane, once that has counted it.
    pub fn queue_number(&self, id: &JobId) -> Option<QueueNumber> {
        self.estimates.number(id)
    }

    /// How long a job was expected to take at most when it was accepted, in milliseconds; 0 where nobody knows.
    pub fn expected_ms(&self, id: &JobId) -> u64 {
        self.estimates.promise(id).map_or(0, |promise| promise.eta.p90)
    }

    /// Whether something of open jobs is not in the table yet.
    pub fn has_unkept(&self) -> bool {
        self.estimates.has_unkept()
    }

    /// What is to be written to the table of jobs that are still open; from then on it counts as written.
    pub fn take_unkept(&mut self) -> BTreeMap<JobId, KeptEstimate> {
        self.estimates.take_unkept()
    }

    /// How a lane stood when it last answered, and what rate is expected of it.
    pub fn lane(&self, lane: Lane) -> Option<(&LaneStatus, f64)> {
        let rate = self.rates.get(&lane).copied().unwrap_or_else(|| LaneSpec::default().rate);
        self.statuses.get(&lane).map(|status| (status, rate))
    }

    /// A job that was open has ended.
    fn ended(&mut self, job: &Job) {
        let open = self.open.entry(job.lane).or_default();
        open.jobs = open.jobs.saturating_sub(1);
        open.cost_ms = open.cost_ms.saturating_sub(job.cost_ms);
        self.unannounced.insert(job.lane);
        for list in [&mut self.uncounted, &mut self.announcing] {
            if let Some(jobs) = list.get_mut(&job.lane) {
                jobs.retain(|(id, _)| *id != job.id);
            }
        }
        self.news.ended(job, self.estimates.ended(&job.id));
    }

    /// What the object `shard` has to announce to each lane; from then on it counts as announced.
    pub fn tallies(&mut self, shard: &str) -> Vec<(Lane, Tally)> {
        let lanes = std::mem::take(&mut self.unannounced);
        lanes.into_iter().map(|lane| (lane, self.tally(lane, shard))).collect()
    }

    /// A lane could not be reached: all is announced again with what comes next. What ended meanwhile is lost for its rate;
    /// what is open is announced whole each time.
    pub fn not_announced(&mut self, lane: Lane) {
        self.unannounced.insert(lane);
        if let Some(mut announcing) = self.announcing.remove(&lane) {
            let newer = self.uncounted.entry(lane).or_default();
            announcing.append(newer);
            *newer = announcing;
        }
    }

    /// A lane is to hear of all of it once more, for what it answers.
    pub fn announce_again(&mut self, lane: Lane) {
        self.unannounced.insert(lane);
    }

    /// A lane has answered, and stands like this: the jobs that were announced to it drew the last numbers there are.
    pub fn observe(&mut self, lane: Lane, status: LaneStatus) {
        let mut number = status.left_jobs.saturating_add(status.queued_jobs);
        let mut work_ms = status.left_ms + status.backlog_ms;
        for (id, cost_ms) in self.announcing.remove(&lane).unwrap_or_default().into_iter().rev() {
            self.estimates.drew(id, QueueNumber { number, work_ms, era_ms: status.era_ms });
            number = number.saturating_sub(1);
            work_ms -= cost_ms as f64;
        }
        self.statuses.insert(lane, status);
    }

    fn tally(&mut self, lane: Lane, shard: &str) -> Tally {
        let open = self.open.get(&lane).copied().unwrap_or_default();
        if let Some(uncounted) = self.uncounted.remove(&lane) {
            self.announcing.entry(lane).or_default().extend(uncounted);
        }
        let LaneNews { left_jobs, left_ms, ended_ms, waits, outcomes } = self.news.take(lane);
        Tally {
            shard: shard.to_owned(),
            open_ms: open.cost_ms as f64,
            open_jobs: open.jobs,
            ended_ms: ended_ms as f64,
            queued_jobs: open.queued,
            left_jobs,
            left_ms: left_ms as f64,
            waits,
            outcomes,
        }
    }
}

#[cfg(test)]
mod tests {
    use forebay_admission::lane::{position::Eta, wait::WaitSample};
    use forebay_contract::FailureCode;

    use super::*;
    use crate::job::example::{START_MS, queued};

    fn ended(state: JobState, failure_code: Option<FailureCode>) -> Job {
        Job { state, failure_code, ..queued() }
    }

    #[test]
    fn open_work_is_announced_whole_and_what_ended_once() {
        let mut load = Load::default();
        load.opened(&queued());
        load.opened(&queued());
        load.moved(JobState::Queued, &ended(JobState::Succeeded, None));
        load.opened(&Job { lane: Lane::PAID_HEAVY, ..queued() });
        assert_eq!(load.jobs(), 2);
        let tallies = load.tallies("s");
        assert_eq!(tallies.len(), 2);
        let (lane, tally) = tallies.last().unwrap();
        assert_eq!(*lane, Lane::FREE_LIGHT);
        assert_eq!((tally.open_ms, tally.open_jobs, tally.ended_ms), (7.0, 1, 7.0));
        assert_eq!((tally.outcomes[0].ok, tally.outcomes[0].failed), (1, 0));
        assert!(!load.has_news());
        load.not_announced(Lane::FREE_LIGHT);
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
            load.moved(JobState::Queued, &job);
            let (_, tally) = load.tallies("s").remove(0);
            let found = tally.outcomes.first().map(|outcome| (outcome.ok, outcome.failed));
            assert_eq!((tally.open_jobs, found), (0, expect), "{job:?}");
        }
    }

    #[test]
    fn an_object_that_wakes_up_tells_what_it_has() {
        let open = vec![OpenRow { lane: Lane::FREE_HEAVY, jobs: 3, cost_ms: 30, queued: 2 }];
        let mut load = Load::new(Stored { open, ..Stored::default() });
        assert!(load.has_news());
        assert_eq!(load.jobs(), 3);
        let tally = load.tallies("s").remove(0).1;
        assert_eq!((tally.open_ms, tally.queued_jobs), (30.0, 2));
    }

    fn numbered(n: u8) -> Job {
        Job { id: JobId::new(START_MS, [n; 10], queued().id.shard()), cost_ms: 10, ..queued() }
    }

    #[test]
    fn jobs_draw_the_last_numbers_in_the_order_they_came() {
        let mut load = Load::default();
        let jobs = [1, 2, 3].map(numbered);
        jobs.iter().for_each(|job| load.opened(job));
        load.tallies("s");
        // The middle one is called off while all three are announced to the lane; another comes.
        let canceled = Job { state: JobState::Canceled, ..jobs[1].clone() };
        load.moved(JobState::Queued, &canceled);
        load.opened(&numbered(4));
        let status = LaneStatus {
            era_ms: 5,
            left_jobs: 100,
            queued_jobs: 7,
            left_ms: 1_000.0,
            backlog_ms: 70.0,
            ..LaneStatus::unknown(START_MS)
        };
        load.observe(Lane::FREE_LIGHT, status);
        let drew = |n| load.queue_number(&numbered(n).id).map(|drawn| (drawn.number, drawn.work_ms, drawn.era_ms));
        assert_eq!([1, 2, 3, 4].map(drew), [Some((106, 1_060.0, 5)), None, Some((107, 1_070.0, 5)), None]);
    }

    #[test]
    fn a_job_that_may_not_start_yet_is_in_flight_and_in_nobodys_way() {
        let delayed = |n| Job { not_before_ms: Some(START_MS + u64::from(n)), ..numbered(n) };
        let mut load = Load::new(Stored { delayed: vec![delayed(10), delayed(20), delayed(30)], ..Stored::default() });
        assert_eq!((load.jobs(), load.has_news()), (3, false));
        load.moved(JobState::Queued, &Job { state: JobState::Canceled, ..delayed(10) });
        load.released(START_MS + 20);
        assert_eq!((load.jobs(), load.delayed.len()), (2, 1));
        let tally = load.tallies("s").remove(0).1;
        assert_eq!((tally.open_jobs, tally.queued_jobs, tally.open_ms, tally.left_jobs), (1, 1, 10.0, 0));
        // A message that was sent all the same, by an object that died in between.
        load.moved(JobState::Queued, &Job { state: JobState::Running, ..delayed(30) });
        assert_eq!(load.tallies("s").remove(0).1.open_jobs, 2);
    }

    #[test]
    fn a_lane_that_could_not_be_reached_hears_of_the_same_jobs_again() {
        let mut load = Load::default();
        load.opened(&numbered(1));
        load.tallies("s");
        load.opened(&numbered(2));
        load.not_announced(Lane::FREE_LIGHT);
        let tally = load.tallies("s").remove(0).1;
        assert_eq!(tally.queued_jobs, 2);
        load.observe(
            Lane::FREE_LIGHT,
            LaneStatus { queued_jobs: 2, backlog_ms: 20.0, ..LaneStatus::unknown(START_MS) },
        );
        assert_eq!([1, 2].map(|n| load.queue_number(&numbered(n).id).unwrap().number), [1, 2]);
    }

    #[test]
    fn what_starts_and_what_ends_is_announced_once_with_how_long_it_took() {
        let mut load = Load::default();
        let job = numbered(1);
        load.opened(&job);
        load.promised(&job, Promise { expected_ms: 70.0, eta: Eta { p50: 80, p90: 160 }, rate: 500.0 });
        load.tallies("s");
        let running = Job { state: JobState::Running, started_ms: Some(START_MS + 50), ..job };
        load.moved(JobState::Queued, &running);
        let tally = load.tallies("s").remove(0).1;
        assert_eq!((tally.queued_jobs, tally.left_jobs, tally.open_jobs, tally.left_ms), (0, 1, 1, 0.0));
        let ended = Job { state: JobState::Succeeded, finished_ms: Some(START_MS + 90), ..running };
        load.moved(JobState::Running, &ended);
        let tally = load.tallies("s").remove(0).1;
        assert_eq!((tally.left_jobs, tally.open_jobs, tally.left_ms), (0, 0, 10.0));
        assert_eq!(tally.waits, [WaitSample { expected_ms: 70.0, p50_ms: 80.0, p90_ms: 160.0, took_ms: 90.0 }]);
        assert!(load.estimates.is_empty());
    }

    #[test]
    fn an_object_that_slept_knows_where_its_jobs_stand_and_what_they_were_promised() {
        let mut load = Load::default();
        let jobs = [1, 2].map(numbered);
        let promise = Promise { expected_ms: 70.0, eta: Eta { p50: 80, p90: 160 }, rate: 500.0 };
        for job in &jobs {
            load.opened(job);
            load.promised(job, promise);
        }
        load.tallies("s");
        load.observe(Lane::FREE_LIGHT, LaneStatus { queued_jobs: 2, ..LaneStatus::unknown(START_MS) });
        load.moved(JobState::Queued, &Job { state: JobState::Canceled, ..jobs[1].clone() });
        assert!(load.has_unkept());
        let kept = serde_json::to_string(&load.take_unkept()).unwrap();
        assert!(!load.has_unkept());
        let kept: BTreeMap<JobId, KeptEstimate> = serde_json::from_str(&kept).unwrap();
        let open = vec![OpenRow { lane: Lane::FREE_LIGHT, jobs: 1, cost_ms: 10, queued: 1 }];
        let mut awake = Load::new(Stored { open, delayed: Vec::new(), kept: kept.into_iter().collect() });
        assert_eq!(awake.queue_number(&jobs[0].id), load.queue_number(&jobs[0].id));
        assert!(awake.queue_number(&jobs[0].id).is_some() && awake.queue_number(&jobs[1].id).is_none());
        let (started_ms, finished_ms) = (Some(START_MS + 50), Some(START_MS + 90));
        let ended = Job { state: JobState::Succeeded, started_ms, finished_ms, ..jobs[0].clone() };
        awake.moved(JobState::Queued, &ended);
        assert_eq!(awake.tallies("s").remove(0).1.waits.len(), 1);
    }
}
