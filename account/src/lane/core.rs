//! The inside of a Lane object.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use forebay_limits::lending::{
    lease::{Answer, Ask},
    ledger::Ledger,
};

use super::{
    call::{LaneCall, answers},
    tables::Tables,
};
use crate::platform::{Error, Platform, Result, Sql, Task};
use forebay_admission::lane::{
    LaneStatus, ModelVersion, Tally,
    backlog::{Backlog, Memory},
    breakers::Breakers,
};

/// How often old rows are looked for, while there are rows.
const SWEEP_MS: u64 = 60_000;
/// How long changes of what is kept are gathered; no object falls asleep sooner.
const KEEP_MS: u64 = 1_000;
/// The most limits of one scope: more than any catalog has.
const MOST_LIMITS: usize = 4_096;

/// Shards and the ledger are written with every change; counts, rate and waits a moment later, which is before an object
/// falls asleep. Breakers live in memory alone: after a new start they are measured anew within seconds.
pub struct LaneCore {
    platform: Rc<dyn Platform>,
    tables: Tables,
    backlog: RefCell<Backlog>,
    breakers: RefCell<Breakers>,
    ledger: RefCell<Ledger>,
    /// Since when it counts: what its counts are compared by.
    era_ms: u64,
    /// Whether somebody will keep the counts.
    keeping: Cell<bool>,
    /// Whether this life of the object has set the alarm.
    alarm: Cell<bool>,
}

/// The answer to a [`LaneCall`], as JSON. Boxed, so that whoever waits for it compiles none of it.
pub fn answer(core: Rc<LaneCore>, text: String) -> Task<'static, Result<String>> {
    Box::pin(async move { answered(&core, &text).await })
}

async fn answered(core: &Rc<LaneCore>, text: &str) -> Result<String> {
    let call: LaneCall = serde_json::from_str(text)?;
    if let Some(excess) = call.excess() {
        return Err(Error::Unreadable(excess.to_owned()));
    }
    match call {
        LaneCall::Status { wanted } => answers::Status(&core.status(&wanted)),
        LaneCall::Tally(tally) => {
            keep_soon(core);
            answers::Tally(&core.tally(tally).await?)
        }
        LaneCall::Lease { holder, asks } => answers::Lease(&core.lease(&holder, &asks).await?),
        LaneCall::WorkerHeard => {
            core.tables.put_heard(core.platform.now_ms())?;
            answers::WorkerHeard(&core.tables.heard()?)
        }
        LaneCall::LastWorker => answers::LastWorker(&core.tables.heard()?),
        LaneCall::Levels { limits } => {
            let (ledger, now) = (core.ledger.borrow(), core.platform.now_ms());
            answers::Levels(&limits.iter().map(|(id, spec)| ledger.level(id, spec, now)).collect())
        }
    }
}

/// Keeps what the lane is like, once a second at most.
fn keep_soon(core: &Rc<LaneCore>) {
    if core.keeping.replace(true) {
        return;
    }
    let inner = core.clone();
    core.platform.spawn(Box::pin(async move {
        inner.platform.sleep(KEEP_MS).await;
        inner.keeping.set(false);
        let memory = inner.backlog.borrow().memory(inner.era_ms, inner.platform.now_ms());
        if let Err(error) = inner.tables.put_memory(&memory) {
            inner.platform.log("lane-not-kept", &error.to_string());
        }
    }));
}

impl LaneCore {
    /// Reads what the object needs to know.
    pub fn open(platform: Rc<dyn Platform>) -> Result<Rc<Self>> {
        let tables = Tables::open(Sql::new(platform.clone()))?;
        let now = platform.now_ms();
        let memory = tables.memory()?.unwrap_or_else(|| Memory::new(now));
        Ok(Rc::new(Self {
            era_ms: memory.era_ms,
            keeping: Cell::new(false),
            backlog: RefCell::new(Backlog::of(tables.shards()?, memory, now)),
            breakers: RefCell::default(),
            ledger: RefCell::new(Ledger::of(tables.limits()?, tables.leases()?)),
            alarm: Cell::new(false),
            platform,
            tables,
        }))
    }

    fn status(&self, wanted: &[ModelVersion]) -> LaneStatus {
        let now = self.platform.now_ms();
        LaneStatus { breakers: self.breakers.borrow_mut().statuses(wanted, now), ..self.measured(now) }
    }

    /// The status but for the breakers: probes are lent to those who admit.
    fn measured(&self, now_ms: u64) -> LaneStatus {
        let mut backlog = self.backlog.borrow_mut();
        let load = backlog.load(now_ms);
        LaneStatus {
            at_ms: now_ms,
            backlog_ms: load.backlog_ms,
            smoothed_ms: load.smoothed_ms,
            rate: load.rate,
            open_jobs: load.open_jobs,
            breakers: Vec::new(),
            queued_jobs: load.queued_jobs,
            left_jobs: load.left_jobs,
            left_ms: load.left_ms,
            era_ms: self.era_ms,
            spread: backlog.waits().spread(),
            eta_error: backlog.waits().error(),
        }
    }

    async fn tally(&self, tally: Tally) -> Result<LaneStatus> {
        let now = self.platform.now_ms();
        let open = self.backlog.borrow_mut().tally(&tally, now);
        self.breakers.borrow_mut().record(tally.outcomes, now);
        self.tables.put_shard(&tally.shard, open)?;
        // Before anything waits: what the tally brought in is then the last that entered.
        let status = self.measured(now);
        self.arrange_alarm().await?;
        Ok(status)
    }

    /// Everything a call changes is written in one turn, and the runtime answers only when it is on disk.
    async fn lease(&self, holder: &str, asks: &[Ask]) -> Result<Vec<Option<Answer>>> {
        let now = self.platform.now_ms();
        if self.ledger.borrow().limits() + asks.len() > MOST_LIMITS {
            return Err(Error::Unreadable("the scope has too many limits".to_owned()));
        }
        let answers = asks.iter().map(|ask| self.ledger.borrow_mut().answer(holder, ask, now)).collect();
        self.write_ledger()?;
        self.arrange_alarm().await?;
        Ok(answers)
    }

    fn write_ledger(&self) -> Result<()> {
        let changes = self.ledger.borrow_mut().take_changes();
        let written = self.tables.write(&changes);
        if written.is_err() {
            // Memory must not know of leases that the tables do not.
            let stored = Ledger::of(self.tables.limits()?, self.tables.leases()?);
            self.ledger.replace(stored);
        }
        written
    }

    /// The alarm: forgets what is old. It fails where no next one can be set, and in no other case.
    pub async fn ring(&self) -> Result<()> {
        // Before anything that may fail: the runtime gives up on alarms that keep failing.
        self.alarm.set(false);
        self.arrange_alarm().await?;
        match self.sweep() {
            Ok(true) => {
                self.alarm.set(false);
                self.platform.set_alarm(None).await?;
            }
            Ok(false) => {}
            Err(error) => self.platform.log("lane-sweep-failed", &error.to_string()),
        }
        Ok(())
    }

    /// Whether nothing is left that could grow old.
    fn sweep(&self) -> Result<bool> {
        let now = self.platform.now_ms();
        self.ledger.borrow_mut().sweep(now);
        self.write_ledger()?;
        self.backlog.borrow_mut().load(now);
        self.tables.delete_silent(now)?;
        Ok(self.ledger.borrow().is_empty() && self.backlog.borrow().is_empty())
    }

    /// In the same turn as the writes that it stands for: the runtime commits both together.
    async fn arrange_alarm(&self) -> Result<()> {
        if self.alarm.replace(true) {
            return Ok(());
        }
        let set = self.platform.set_alarm(Some(self.platform.now_ms() + SWEEP_MS)).await;
        set.inspect_err(|_| self.alarm.set(false))
    }
}
