//! What must never happen, looked at while it might.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use forebay_backend::{
    reaper::{DeadLetter, Reaper},
    store::{MemoryStore, Put, Store, StoreError},
};
use forebay_contract::{EventKind, FailureCode, JobFailure, JobId, JobMessage, ReportEvent, storage_key};
use tokio::time::Instant;

use crate::scenario::{Fate, START_MS, Scenario, Troubles};

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
    /// Among the dead letters.
    died: BTreeSet<JobId>,
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
        if others.is_empty() && self.runs_once(job) && matches!(put, Ok(Put::Created)) && self.has(&other).await {
            self.violation(format!("{name} ended twice: its {what} is stored after {other}"));
        }
    }

    /// Whether nobody else runs the job at the same time. Two deliveries may, where there are two messages, or two workers
    /// and a lane that doubles or loses a lease: then one may fail while the other succeeds, and the edge takes the result.
    fn runs_once(&self, job: &JobMessage) -> bool {
        let jobs = self.scenario.messages.iter().filter_map(|sent| sent.job.as_ref());
        let asks_alone = jobs.filter(|other| other.digest == job.digest).count() == 1;
        let Troubles { queue, doubles, .. } = &self.scenario.troubles;
        let keeps_leases = *doubles == 0 && queue.fail == 0 && queue.lose_answer == 0 && queue.slow == 0;
        asks_alone && (self.scenario.workers == 1 || keeps_leases)
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

    /// The reaper ends the jobs of dead letters, as it does beside the real queues.
    async fn reap(&self, dead: &[String]) -> Vec<DeadLetter> {
        let letter = |(number, body): (usize, &String)| {
            self.note(format!("{} is reaped", self.name(body)));
            DeadLetter { id: number.to_string(), body: body.clone(), receives: self.scenario.max_receives }
        };
        let letters: Vec<DeadLetter> = dead.iter().enumerate().map(letter).collect();
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let again = Reaper { store, edge: None, name: "reaper".to_owned() }.reap(&letters).await;
        if !again.is_empty() {
            self.violation(format!("{} dead letters could not be reaped", again.len()));
        }
        letters
    }

    /// When nothing is left in the lanes: every job must have ended once, and as it should.
    pub(crate) async fn all_ended(&self, dead: Vec<String>) {
        let mut dead = self.reap(&dead).await;
        let mut expected_keys = BTreeSet::new();
        for sent in &self.scenario.messages {
            let place = dead.iter().position(|letter| letter.body == sent.body);
            let died = place.map(|place| dead.swap_remove(place));
            let Some(job) = &sent.job else {
                let kept = died.map(|letter| storage_key::unreadable(&letter.id));
                match kept {
                    Some(key) if self.has(&key).await => expected_keys.extend([key]),
                    _ => self.violation(format!("{} is not kept as a dead letter", self.name(&sent.body))),
                }
                continue;
            };
            if died.is_some() {
                self.state().died.insert(job.job_id);
            }
            let (result, failure) = (storage_key::result(&job.digest), storage_key::failure(&job.job_id));
            let unwanted = {
                let state = self.state();
                state.told_canceled.contains(&job.job_id) || state.expired.contains(&job.job_id)
            };
            if !unwanted && !self.is_stored(job).await {
                self.violation(format!("{} is lost", self.job(job.job_id)));
            }
            self.ended_well(job, &sent.fate).await;
            if self.runs_once(job) && self.has(&result).await && self.has(&failure).await {
                self.violation(format!("{} ended twice", self.job(job.job_id)));
            }
            expected_keys.extend([result, failure]);
        }
        for letter in dead {
            self.violation(format!("{} died twice", self.name(&letter.body)));
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
            FailureCode::Abandoned => job.deadline_ms.is_some() || self.state().died.contains(&job.job_id),
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
