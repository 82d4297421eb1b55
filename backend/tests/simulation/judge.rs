//! What must never happen, looked at while it might.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use forebay_backend::store::{MemoryStore, Put, Store, StoreError};
use forebay_contract::{EventKind, FailureCode, JobFailure, JobId, JobMessage, ReportEvent, storage_key};
use tokio::time::Instant;

use crate::scenario::{Fate, START_MS, Scenario};

pub(crate) struct Judge {
    scenario: Arc<Scenario>,
    store: Arc<MemoryStore>,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of a job's first message.
    numbers: BTreeMap<JobId, usize>,
    told_canceled: BTreeSet<JobId>,
    /// Acknowledged at their first delivery after their deadline: the edge ended them by its own clock.
    expired: BTreeSet<JobId>,
    history: Vec<String>,
    violations: Vec<String>,
}

/// How a simulation went.
pub(crate) struct Verdict {
    pub(crate) history: Vec<String>,
    /// Empty when all is well.
    pub(crate) violations: Vec<String>,
}

impl Judge {
    pub(crate) fn new(scenario: Arc<Scenario>, store: Arc<MemoryStore>) -> Self {
        let mut state = State::default();
        for (number, sent) in scenario.messages.iter().enumerate() {
            if let Some(job) = &sent.job {
                state.numbers.entry(job.job_id).or_insert(number);
            }
        }
        Self { scenario, store, started: Instant::now(), state: Mutex::new(state) }
    }

    pub(crate) fn note(&self, line: impl Into<String>) {
        let at = self.started.elapsed().as_millis();
        self.state().history.push(format!("{at:>7} ms  {}", line.into()));
    }

    pub(crate) fn violation(&self, line: impl Into<String>) {
        let line = line.into();
        self.note(format!("VIOLATION: {line}"));
        self.state().violations.push(line);
    }

    /// A name for the history: `job 7`.
    pub(crate) fn name(&self, body: &str) -> String {
        let sent = self.scenario.messages.iter().find(|sent| sent.body == body);
        match sent.and_then(|sent| sent.job.as_ref()) {
            Some(job) => self.job(job.job_id),
            None => format!("unreadable {body:?}"),
        }
    }

    fn job(&self, id: JobId) -> String {
        format!("job {}", self.state().numbers.get(&id).copied().unwrap_or(usize::MAX))
    }

    /// The edge says to a worker that nobody wants these.
    pub(crate) fn told_canceled(&self, jobs: &[JobId]) {
        self.state().told_canceled.extend(jobs);
    }

    /// Something was put.
    pub(crate) async fn stored(&self, key: &str, put: &Result<Put, StoreError>) {
        let jobs = self.scenario.messages.iter().filter_map(|sent| sent.job.as_ref());
        let named = |job: &&JobMessage| [storage_key::result(&job.digest), storage_key::failure(&job.job_id)];
        let of_key: Vec<&JobMessage> = jobs.filter(|job| named(job).iter().any(|name| name == key)).collect();
        let [job, others @ ..] = of_key.as_slice() else { return self.violation(format!("{key} is nobody's")) };
        let (name, [result, failure]) = (self.job(job.job_id), named(job));
        let (what, other) = if key == result { ("result", failure) } else { ("failure", result) };
        self.note(format!("the {what} of {name} is put: {put:?}"));
        // Two deliveries may run at the same time, where there are two workers or two messages: then one may fail while
        // the other succeeds, and the edge takes what it hears first.
        let alone = others.is_empty() && self.scenario.workers == 1 && self.asks_alone(job);
        if alone && matches!(put, Ok(Put::Created)) && self.has(&other).await {
            self.violation(format!("{name} ended twice: its {what} is stored after {other}"));
        }
    }

    /// Whether no other message is about the job or its digest.
    fn asks_alone(&self, job: &JobMessage) -> bool {
        let jobs = self.scenario.messages.iter().filter_map(|sent| sent.job.as_ref());
        jobs.filter(|other| other.digest == job.digest).count() == 1
    }

    /// A message is about to be deleted after its `time`-th delivery: what it asked for must be stored, or canceled, or
    /// too late before anybody can have begun.
    pub(crate) async fn acknowledged(&self, body: &str, time: u32) {
        let Ok(job) = JobMessage::from_json(body) else {
            return self.violation(format!("{} was deleted", self.name(body)));
        };
        let canceled = self.state().told_canceled.contains(&job.job_id);
        if canceled || self.is_stored(&job).await {
            return;
        }
        let now_ms = START_MS + self.started.elapsed().as_millis() as u64;
        if time == 1 && job.deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms) {
            self.state().expired.insert(job.job_id);
        } else {
            self.violation(format!("{} was acknowledged before it was stored", self.job(job.job_id)));
        }
    }

    /// The edge is told something: it must be true.
    pub(crate) async fn reported(&self, event: &ReportEvent) {
        let sent = self.scenario.messages.iter().filter_map(|sent| sent.job.as_ref());
        let Some(job) = sent.clone().find(|job| job.job_id == event.job_id) else {
            return self.violation("a report names a job that nobody sent".to_owned());
        };
        let (key, what) = match event.kind {
            EventKind::Succeeded { .. } => (storage_key::result(&job.digest), "succeeded"),
            EventKind::Failed { .. } => (storage_key::failure(&job.job_id), "failed"),
            _ => return,
        };
        self.note(format!("{} is reported: {what}", self.job(job.job_id)));
        if self.store.head(&key).await.is_ok_and(|head| head.is_none()) {
            self.violation(format!("{} was reported as {what} before that was stored", self.job(job.job_id)));
        }
    }

    async fn has(&self, key: &str) -> bool {
        self.store.head(key).await.is_ok_and(|head| head.is_some())
    }

    async fn is_stored(&self, job: &JobMessage) -> bool {
        self.has(&storage_key::result(&job.digest)).await || self.has(&storage_key::failure(&job.job_id)).await
    }

    /// When nothing is left in the lanes: every job must have ended once, and as it should.
    pub(crate) async fn all_ended(&self, mut dead: Vec<String>) {
        let mut expected_keys = BTreeSet::new();
        for sent in &self.scenario.messages {
            let place = dead.iter().position(|body| *body == sent.body);
            let died = place.map(|place| dead.swap_remove(place)).is_some();
            let Some(job) = &sent.job else {
                if !died {
                    self.violation(format!("{} is not among the dead letters", self.name(&sent.body)));
                }
                continue;
            };
            let (result, failure) = (storage_key::result(&job.digest), storage_key::failure(&job.job_id));
            let unwanted = {
                let state = self.state();
                state.told_canceled.contains(&job.job_id) || state.expired.contains(&job.job_id)
            };
            if !died && !unwanted && !self.is_stored(job).await {
                self.violation(format!("{} is lost", self.job(job.job_id)));
            }
            self.ended_well(job, &sent.fate).await;
            expected_keys.extend([result, failure]);
        }
        for body in dead {
            self.violation(format!("{} died twice", self.name(&body)));
        }
        for key in self.store.keys().into_iter().filter(|key| !key.starts_with("inputs/")) {
            if !expected_keys.contains(&key) {
                self.violation(format!("{key} is nobody's"));
            }
        }
    }

    async fn ended_well(&self, job: &JobMessage, fate: &Fate) {
        let name = self.job(job.job_id);
        let failure = self.store.get(&storage_key::failure(&job.job_id), 10_000).await.ok();
        let code = failure.map(|body| serde_json::from_slice::<JobFailure>(&body).map(|failure| failure.code));
        match (fate, &code) {
            (_, None) => {}
            (_, Some(Err(error))) => self.violation(format!("{name}: its failure cannot be read: {error}")),
            (Fate::Failure(expected), Some(Ok(code))) if code == expected => {}
            (_, Some(Ok(code))) if self.may_happen(job, *code) => {}
            (fate, Some(Ok(code))) => self.violation(format!("{name} failed with {code:?} instead of {fate:?}")),
        }
        let result = self.store.get(&storage_key::result(&job.digest), 10_000).await.ok();
        match (fate, &result) {
            (_, None) => {}
            (Fate::Result(expected), Some(body)) if expected.as_bytes() == body => {}
            (fate, Some(_)) => self.violation(format!("{name} has a wrong result instead of {fate:?}")),
        }
    }

    /// Failures that are the device's fault, or the clock's.
    fn may_happen(&self, job: &JobMessage, code: FailureCode) -> bool {
        let troubles = &self.scenario.troubles;
        match code {
            FailureCode::OutOfMemory => troubles.out_of_memory > 0,
            FailureCode::Abandoned => job.deadline_ms.is_some(),
            FailureCode::ModelUnavailable => troubles.unloadable > 0,
            _ => false,
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let mut state = self.state();
        Verdict { history: std::mem::take(&mut state.history), violations: std::mem::take(&mut state.violations) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}
