//! What an Account object holds between events: caches of what SQLite has, and what only memory needs.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
};

use forebay_contract::{JobId, JobState};
use forebay_limits::{lending::holdings::Holdings, policy::Buckets};

use super::{
    Job, due,
    idempotent::Deciding,
    load::Load,
    outbox::Outbox,
    room::Size,
    sockets::{self, Sockets},
    tables::Tables,
    usage,
    wait_queue::WaitQueue,
    waiters::Waiters,
    webhook::{self, Webhooks},
};
use crate::{
    platform::{Platform, Result, Sql},
    settings::Settings,
};

/// The inside of an Account object, shared with the work it leaves running.
pub struct Core {
    /// What it may do to the world.
    pub platform: Rc<dyn Platform>,
    /// What it has in SQLite.
    pub tables: Tables,
    /// How much that is.
    pub size: Size,
    /// Long polls.
    pub waiters: Waiters,
    /// Event streams.
    pub watchers: Waiters,
    /// How many of those are open, whether they wait or write.
    pub streams: Cell<usize>,
    /// WebSockets.
    pub sockets: Sockets,
    /// Whom to tell when a job ends.
    pub webhooks: Webhooks,
    /// The object's own name.
    pub shard: String,
    /// What its limits remember, as stored last.
    pub buckets: RefCell<Buckets>,
    /// What it holds of shared limits. In memory alone: leases that die with it count as used.
    pub holdings: RefCell<Holdings>,
    /// Whether somebody will give unused leases back.
    pub returning_leases: Cell<bool>,
    /// Who waits for a limit.
    pub wait_queue: Rc<WaitQueue>,
    /// Idempotency keys that are being decided.
    pub deciding: Deciding,
    /// API keys that nothing is accepted for any more.
    pub revoked_keys: RefCell<BTreeSet<String>>,
    /// What is open, and what the lanes do not know yet.
    pub load: RefCell<Load>,
    /// Whether the lanes are about to be told.
    pub tallying: Cell<bool>,
    /// Whether somebody will keep where jobs stand.
    pub keeping: Cell<bool>,
    /// Messages on their way to the queues.
    pub outbox: Outbox,
    /// The alarm that is set, as far as this life of the object knows.
    pub alarm_ms: Cell<Option<u64>>,
}

impl Core {
    /// Reads what the object needs to know; its truth is all in SQLite.
    pub fn open(platform: Rc<dyn Platform>) -> Result<Rc<Self>> {
        let sql = Sql::new(platform.clone());
        let tables = Tables::open(sql.clone())?;
        let outbox = Outbox::new(tables.outbox_jobs()?, tables.last_seq()?);
        let shard = platform.name();
        // Once in its life: how often objects sleep, move and break is seen by it, and what they store.
        platform.log("account-wakes", &format!("{shard} stores {} KB", platform.stored_bytes() / 1_000));
        let core = Rc::new(Self {
            shard,
            buckets: RefCell::new(tables.buckets()?),
            holdings: RefCell::default(),
            returning_leases: Cell::new(false),
            wait_queue: Rc::default(),
            deciding: Deciding::default(),
            revoked_keys: RefCell::new(tables.revoked_keys()?),
            load: RefCell::new(Load::new(tables.load(platform.now_ms())?)),
            keeping: Cell::new(false),
            tallying: Cell::new(false),
            outbox,
            waiters: Waiters::default(),
            watchers: Waiters::default(),
            streams: Cell::new(0),
            sockets: Sockets::default(),
            webhooks: Webhooks::open(sql, platform.as_ref())?,
            alarm_ms: Cell::new(None),
            platform,
            tables,
            size: Size::default(),
        });
        due::arm(&core);
        Ok(core)
    }

    /// What the operator has set.
    pub fn settings(&self) -> Result<Rc<Settings>> {
        self.platform.settings()
    }

    /// The time, in milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        self.platform.now_ms()
    }

    /// One line in the log.
    pub fn log(&self, event: &str, what: &str) {
        self.platform.log(event, what);
    }

    /// Goes on with `task` behind whatever happens now.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.platform.spawn(Box::pin(task));
    }

    /// The job; when it has not ended, waits up to `wait_ms` for that.
    pub async fn job(&self, id: JobId, wait_ms: u64) -> Result<Option<Job>> {
        let job = self.tables.job(&id)?;
        let open = job.as_ref().is_some_and(|job| !job.state.is_final());
        if wait_ms == 0 || !open {
            return Ok(job);
        }
        let Some(end) = self.waiters.wait(id) else { return Ok(job) };
        self.platform.within(wait_ms, Box::pin(end)).await;
        self.waiters.forget(&id);
        self.tables.job(&id)
    }

    /// The job after waiting for its end, or `None` without a wait.
    pub async fn job_if_waited(&self, id: JobId, wait_ms: u64) -> Result<Option<Job>> {
        if wait_ms == 0 { Ok(None) } else { self.job(id, wait_ms).await }
    }

    /// Writes a job that was in state `before`; when it has ended, wakes who waits for that, and tells who is to be told.
    ///
    /// Who is told comes first: should there be no room for that, the job has not ended either, and whatever brought its end
    /// comes again.
    pub fn save(self: &Rc<Self>, before: JobState, job: &Job) -> Result<()> {
        webhook::tell(self, Some(before), job)?;
        self.tables.update_job(job)?;
        self.load.borrow_mut().moved(before, job);
        self.use_up(usage::change(Some(before), job))?;
        match job.state {
            JobState::Succeeded => self.tables.drop_message(job)?,
            state if state.is_final() => self.keep_message(job)?,
            _ => {}
        }
        if job.state.is_final() {
            self.waiters.wake(&job.id);
        }
        self.watchers.wake(&job.id);
        sockets::publish(self, job);
        Ok(())
    }
}
