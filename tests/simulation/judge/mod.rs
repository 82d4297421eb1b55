//! What must never happen, looked at while it might, and what must be so in the end.

mod ends;
mod outgoing;
mod seen;
mod worker;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use forebay_backend::store::MemoryStore;
use forebay_contract::{Digest, JobId};

pub(crate) use self::ends::Ended;
use self::seen::Sight;
use crate::{native::since_start_ms, scenario::Scenario};

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Rule { $($(#[$doc])* $name),* }

        impl Rule {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

rules! {
    /// What was accepted is there, and ends.
    EndsOnce,
    /// It ends as its input, its deadline and its client have it.
    EndsAsItMust,
    /// Who is told that there is a result finds it, and the right one.
    ResultIsThere,
    /// What an account has used is what its jobs are.
    BilledOnce,
    /// A webhook is told of every end.
    WebhookArrives,
    /// No more pass a limit than it lets through.
    LimitHolds,
    /// A lane that works is not held up by one that does not.
    LanesApart,
    /// A job's state does not go back.
    StateGoesForward,
    /// One idempotency key is one job.
    KeyIsOneJob,
    /// What was called off stays so.
    CanceledStays,
    /// Nothing leaves before its time.
    NotBeforeItsTime,
    /// Who listens hears of the end.
    ListenerHears,
    /// Nobody who is down is asked all the time.
    BacksOff,
    /// What no worker can read is kept, and nothing else of it happens.
    PoisonIsKept,
    /// A worker acknowledges what is stored.
    AcknowledgedWhenStored,
    /// A worker reports what is stored.
    ReportedWhenStored,
    /// A worker ends when it is told to, and not before.
    WorkerEnds,
}

pub(crate) struct Judge {
    scenario: Arc<Scenario>,
    store: Arc<MemoryStore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    history: Vec<(u64, Option<JobId>, String)>,
    violations: Vec<(Rule, Option<JobId>, String)>,
    judged: BTreeMap<Rule, u64>,
    /// Numbers for the history.
    names: BTreeMap<JobId, usize>,
    /// What clients were told that they have.
    accepted: BTreeSet<JobId>,
    sights: BTreeMap<JobId, Vec<Sight>>,
    /// What somebody wanted to be called off, and what was.
    cancel_asked: BTreeSet<JobId>,
    canceled: BTreeSet<JobId>,
    keys: BTreeMap<(usize, String), JobId>,
    /// Submissions that a stored result answered, and those whose answer was lost, by account.
    hits: BTreeMap<usize, u64>,
    tried: BTreeMap<usize, u64>,
    delivered: BTreeSet<(JobId, String)>,
    /// When each account's webhook was there.
    webhooks: BTreeMap<usize, u64>,
    taken_ms: BTreeMap<JobId, u64>,
    failed_sends: BTreeMap<(String, String), u64>,
    invalid: BTreeSet<JobId>,
    /// Which client a job is of.
    asked: BTreeMap<JobId, usize>,
    digests: BTreeMap<JobId, Digest>,
    not_before_ms: BTreeMap<JobId, u64>,
    told_canceled: BTreeSet<JobId>,
    /// Read by the reaper.
    dead: BTreeSet<JobId>,
    /// How many workers ended with what they ran, and how many ended at all.
    unfinished: u64,
    gone: u64,
}

/// How a simulation went.
pub(crate) struct Verdict {
    pub(crate) history: Vec<String>,
    /// Empty when all is well: the rule and what was seen.
    pub(crate) violations: Vec<(Rule, String)>,
    /// The lines of the history that belong to what was violated.
    pub(crate) excerpt: Vec<String>,
    pub(crate) judged: BTreeMap<Rule, u64>,
}

impl Judge {
    pub(crate) fn new(scenario: Arc<Scenario>, store: Arc<MemoryStore>) -> Self {
        Self { scenario, store, state: Mutex::default() }
    }

    /// A line of the history that concerns all.
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.state().history.push((since_start_ms(), None, line.into()));
    }

    /// A line of one job's history.
    pub(crate) fn note_of(&self, id: JobId, line: impl std::fmt::Display) {
        let mut state = self.state();
        let name = state.name(id);
        state.history.push((since_start_ms(), Some(id), format!("{name} {line}")));
    }

    /// Looks at a rule: `so` must be.
    pub(crate) fn judge(&self, rule: Rule, id: Option<JobId>, so: bool, what: impl FnOnce() -> String) {
        *self.state().judged.entry(rule).or_default() += 1;
        if so {
            return;
        }
        let mut state = self.state();
        let name = id.map(|id| format!("{}: ", state.name(id))).unwrap_or_default();
        let what = format!("{name}{}", what());
        state.history.push((since_start_ms(), id, format!("VIOLATION of {rule:?}: {what}")));
        state.violations.push((rule, id, what));
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let state = self.state();
        let line = |(at_ms, _, line): &(u64, Option<JobId>, String)| format!("{at_ms:>8} ms  {line}");
        let concerned: BTreeSet<JobId> = state.violations.iter().filter_map(|(_, id, _)| *id).collect();
        let concerns = |id: &Option<JobId>| id.is_none_or(|id| concerned.contains(&id));
        Verdict {
            history: state.history.iter().map(line).collect(),
            violations: state.violations.iter().map(|(rule, _, what)| (*rule, what.clone())).collect(),
            excerpt: state.history.iter().filter(|(_, id, _)| concerns(id)).map(line).collect(),
            judged: state.judged.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn name(&mut self, id: JobId) -> String {
        let next = self.names.len();
        format!("job {}", self.names.entry(id).or_insert(next))
    }
}
