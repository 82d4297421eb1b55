//! How things must stand when all has been well for a while.

use std::{collections::BTreeMap, rc::Rc};

use forebay_account::{Job, UsageRow};
use forebay_backend::store::Store as _;
use forebay_contract::{FailureCode, JobFailure, JobId, JobState, Lane, storage_key};

use super::{Judge, Rule};
use crate::{
    native::{Object, START_MS, since_start_ms},
    scenario::Fate,
    trouble::Fault,
};

/// A message of a lane that works is with its queue so long after it could be sent.
const SENT_WITHIN_MS: u64 = 20_000;
/// How often one life of an object may ask a queue that is down, a minute: it asks again later each time.
const MOST_VAIN_SENDS: u64 = 40;
/// A job is given up when so many of its runs never ended.
const MOST_UNFINISHED: u64 = 3;
/// A worker that ends leaves long polls behind, and each may take a message along, which its queue counts: among so many in
/// half a minute one message may be received too often, and among fewer none.
const MANY_GONE: u64 = 15;
/// What refills of ten minutes a run can span, in limits' own units.
const WINDOW_MS: u64 = 600_000;

/// What an account has in the end.
pub(crate) struct Ended {
    pub(crate) account: usize,
    pub(crate) object: Rc<Object>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) usage: Vec<UsageRow>,
}

impl Judge {
    /// Everything about everybody.
    pub(crate) async fn all_ended(&self, accounts: &[Ended]) {
        let rows: BTreeMap<JobId, &Job> =
            accounts.iter().flat_map(|ended| ended.jobs.iter()).map(|job| (job.id, job)).collect();
        let accepted: Vec<JobId> = self.state().accepted.iter().copied().collect();
        for id in accepted {
            self.judge(Rule::EndsOnce, Some(id), rows.contains_key(&id), || "it was accepted and is gone".to_owned());
        }
        for ended in accounts {
            for job in &ended.jobs {
                self.ended(ended.account, job).await;
            }
            self.billed(ended);
            self.limited(ended);
            self.backed_off(ended);
        }
        self.limited_together(accounts);
        self.lanes_apart(rows.values().copied());
    }

    async fn ended(&self, account: usize, job: &Job) {
        let id = Some(job.id);
        self.judge(Rule::EndsOnce, id, job.state.is_final(), || format!("it is {} for ever", job.state.name()));
        let canceled = self.state().canceled.contains(&job.id);
        if canceled {
            let so = job.state == JobState::Canceled;
            self.judge(Rule::CanceledStays, id, so, || format!("it is {} in the end", job.state.name()));
        }
        match job.state {
            JobState::Queued | JobState::Running => return,
            JobState::Succeeded => {
                let there = self.has(&storage_key::result(&job.digest)).await;
                self.judge(Rule::ResultIsThere, id, there, || "there is no result in the end".to_owned());
            }
            JobState::Failed => self.failed(job).await,
            JobState::Canceled => {
                let asked = self.state().cancel_asked.contains(&job.id);
                self.judge(Rule::EndsAsItMust, id, asked, || "nobody has called it off".to_owned());
            }
            JobState::Expired => {
                let so = job.deadline_ms.is_some() && job.started_ms.is_none();
                self.judge(Rule::EndsAsItMust, id, so, || "it expired without a reason".to_owned());
            }
        }
        let webhook = self.state().webhooks.get(&account).copied();
        let ended_ms = job.finished_ms.unwrap_or(job.accepted_ms);
        // Clocks are apart by seconds: what ended about when the webhook was made may be told or not.
        if webhook.is_some_and(|since_ms| since_ms + 10_000 < ended_ms) {
            let delivered = self.state().delivered.contains(&(job.id, job.state.name().to_owned()));
            self.judge(Rule::WebhookArrives, id, delivered, || format!("nobody is told that it {}", job.state.name()));
        }
    }

    async fn failed(&self, job: &Job) {
        let id = Some(job.id);
        let code = job.failure_code;
        let expected = self.fate_of(job);
        let stored = self.store.get(&storage_key::failure(&job.id), 10_000).await.ok();
        let stored =
            stored.and_then(|body| serde_json::from_slice::<JobFailure>(&body).ok()).map(|failure| failure.code);
        if self.is_refused(job.id) {
            return self.judge(Rule::EndsAsItMust, id, code.is_some(), || "it failed without a code".to_owned());
        }
        self.judge(Rule::EndsAsItMust, id, stored.is_some() && stored == code, || {
            format!("it failed with {code:?}; stored is {stored:?}")
        });
        let troubles = &self.scenario.troubles;
        let may_happen = match code {
            Some(FailureCode::OutOfMemory) => troubles.has(Fault::OutOfMemory),
            Some(FailureCode::Abandoned) => {
                let state = self.state();
                let buried = state.dead.contains(&job.id) && state.gone >= MANY_GONE;
                job.deadline_ms.is_some() || buried || state.unfinished >= MOST_UNFINISHED
            }
            _ => false,
        };
        let so = may_happen || expected.is_none_or(|fate| code.map(Fate::Failure).as_ref() == Some(&fate));
        self.judge(Rule::EndsAsItMust, id, so, || format!("it failed with {code:?}"));
    }

    fn fate_of(&self, job: &Job) -> Option<Fate> {
        let number = self.state().asked.get(&job.id).copied()?;
        self.scenario.clients.get(number).map(|client| client.fate.clone())
    }

    /// Each job counts once, when it ends.
    fn billed(&self, ended: &Ended) {
        let count = |state: JobState| ended.jobs.iter().filter(|job| job.state == state).count() as i64;
        let sum = |of: fn(&UsageRow) -> i64| ended.usage.iter().map(of).sum::<i64>();
        let device_ms: f64 =
            ended.jobs.iter().filter(|job| job.state == JobState::Succeeded).filter_map(|job| job.device_ms).sum();
        let billed_ms: f64 = ended.usage.iter().map(|row| row.device_ms).sum();
        let pairs = [
            ("succeeded", sum(|row| row.succeeded), count(JobState::Succeeded)),
            ("failed", sum(|row| row.failed), count(JobState::Failed)),
            ("canceled", sum(|row| row.canceled), count(JobState::Canceled)),
            ("expired", sum(|row| row.expired), count(JobState::Expired)),
        ];
        for (what, billed, jobs) in pairs {
            self.judge(Rule::BilledOnce, None, billed == jobs, || {
                format!("account {}: {billed} {what} are billed, {jobs} are there", ended.account)
            });
        }
        self.judge(Rule::BilledOnce, None, (device_ms - billed_ms).abs() < 0.01, || {
            format!("account {}: {billed_ms} ms are billed, {device_ms} were used", ended.account)
        });
        let (least, most) = {
            let state = self.state();
            let of = |counts: &BTreeMap<usize, u64>| counts.get(&ended.account).copied().unwrap_or(0) as i64;
            (of(&state.hits), of(&state.tried))
        };
        let cached = sum(|row| row.cached);
        self.judge(Rule::BilledOnce, None, (least..=most.max(least)).contains(&cached), || {
            format!("account {}: {cached} cached answers are billed, {least} were given", ended.account)
        });
    }

    /// No window lets more in than it has and refills.
    fn limited(&self, ended: &Ended) {
        let Some(limit) = self.scenario.accounts.get(ended.account).and_then(|account| account.limit) else { return };
        self.within(limit, ended.jobs.iter(), || format!("account {}", ended.account));
    }

    fn limited_together(&self, accounts: &[Ended]) {
        let Some(limit) = self.scenario.shared_limit else { return };
        self.within(limit, accounts.iter().flat_map(|ended| ended.jobs.iter()), || "all together".to_owned());
    }

    fn within<'a>(&self, limit: u64, jobs: impl Iterator<Item = &'a Job>, who: impl FnOnce() -> String) {
        let times: Vec<u64> = jobs.filter(|job| job.retry_of.is_none()).map(|job| job.accepted_ms).collect();
        let (first, last) = (times.iter().min().copied().unwrap_or(0), times.iter().max().copied().unwrap_or(0));
        let refilled = limit * (last - first) / WINDOW_MS + 1;
        let most = limit + refilled;
        self.judge(Rule::LimitHolds, None, times.len() as u64 <= most, || {
            format!("{}: {} were let in, {most} may be", who(), times.len())
        });
    }

    fn backed_off(&self, ended: &Ended) {
        let vain: Vec<(String, u64)> = {
            let state = self.state();
            let of = |((object, lane), count): (&(String, String), &u64)| {
                (object == ended.object.name()).then(|| (lane.clone(), *count))
            };
            state.failed_sends.iter().filter_map(of).collect()
        };
        let minutes = since_start_ms() / 60_000 + 1;
        for (lane, count) in vain {
            let most = MOST_VAIN_SENDS * (ended.object.lives() + minutes.min(10));
            self.judge(Rule::BacksOff, None, count <= most, || format!("{lane} is down and was asked {count} times"));
        }
    }

    /// Where one queue alone is down, messages of the others leave.
    fn lanes_apart<'a>(&self, jobs: impl Iterator<Item = &'a Job>) {
        use Fault::{BrokenSetting, Full, MessageInvalid, QueuesDown, SendAnswerLost, SendFails};
        let troubles = &self.scenario.troubles;
        let other = [QueuesDown, SendFails, SendAnswerLost, BrokenSetting, Full, MessageInvalid];
        if other.into_iter().any(|fault| troubles.has(fault)) {
            return;
        }
        let down: Vec<(Lane, u64, u64)> = troubles
            .episodes
            .iter()
            .filter(|episode| episode.fault == Fault::QueueDown)
            .map(|episode| (episode.lane, episode.from_ms, episode.to_ms))
            .collect();
        if down.is_empty() {
            return;
        }
        for job in jobs.filter(|job| job.cached == 0 && job.not_before_ms.is_none()) {
            let at_ms = job.accepted_ms.saturating_sub(START_MS);
            let works = down.iter().all(|(lane, ..)| *lane != job.lane);
            let taken_ms = self.state().taken_ms.get(&job.id).copied();
            if !works || self.state().cancel_asked.contains(&job.id) || job.deadline_ms.is_some() {
                continue;
            }
            let so = taken_ms.is_some_and(|taken_ms| taken_ms <= at_ms + SENT_WITHIN_MS);
            self.judge(Rule::LanesApart, Some(job.id), so, || {
                format!("its lane works, and it was sent at {taken_ms:?}, accepted at {at_ms}")
            });
        }
    }
}
