//! What an Account object holds between events: caches of what SQLite has, and what only memory needs.

use std::{cell::RefCell, rc::Rc};

use forebay_contract::{JobId, JobState};
use forebay_limits::policy::{LimitStatus, Policy, Subject};

use super::{deliver, due, sockets};
use crate::{
    job::Job,
    limits::Limits,
    load::Load,
    outbox::Outbox,
    platform::{Platform, Result, Sql},
    presence::Presence,
    room::{Room, Size},
    settings::Settings,
    tables::Tables,
    timers::Timers,
    usage::{self, UsageRow},
    webhook::Webhooks,
};

/// The inside of an Account object, shared with the work it leaves running.
pub struct Core {
    /// What it may do to the world.
    pub platform: Rc<dyn Platform>,
    /// The object's own name.
    pub shard: String,
    /// What it has in SQLite.
    pub tables: Tables,
    /// How much that is.
    pub size: Size,
    /// What its limits remember, lend and hold back.
    pub limits: Limits,
    /// What is open, and what the lanes do not know yet.
    pub load: RefCell<Load>,
    /// Messages on their way to the queues.
    pub outbox: Outbox,
    /// Whom to announce the end of a job to.
    pub webhooks: Webhooks,
    /// Who waits, and who listens.
    pub presence: Presence,
    /// Its alarm, and what it does by itself.
    pub timers: Timers,
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
            limits: Limits::new(tables.buckets()?, tables.revoked_keys()?),
            load: RefCell::new(Load::new(tables.load(platform.now_ms())?)),
            outbox,
            presence: Presence::default(),
            webhooks: Webhooks::open(sql, platform.as_ref())?,
            timers: Timers::default(),
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
        let Some(end) = self.presence.waiters.wait(id) else { return Ok(job) };
        self.platform.within(wait_ms, Box::pin(end)).await;
        self.presence.waiters.forget(&id);
        self.tables.job(&id)
    }

    /// The job after waiting for its end, or `None` without a wait.
    pub async fn job_if_waited(&self, id: JobId, wait_ms: u64) -> Result<Option<Job>> {
        if wait_ms == 0 { Ok(None) } else { self.job(id, wait_ms).await }
    }

    /// How much room there is. A mark that was passed since the last look is logged.
    pub fn room(&self) -> Room {
        let now = self.now_ms();
        if self.size.is_old(now)
            && let Some(mark) = self.size.looked(self.platform.stored_bytes(), now)
        {
            self.log("account-fills", &format!("{} stores {mark} of 10 GB", self.shard));
        }
        self.size.room()
    }

    /// The job with what it drew in its lane.
    pub fn with_queue_number(&self, job: Job) -> Job {
        Job { queue_number: self.load.borrow().queue_number(&job.id), ..job }
    }

    /// Adds to what the account has used.
    pub fn use_up(&self, used: Option<UsageRow>) -> Result<()> {
        used.map_or(Ok(()), |row| self.tables.use_up(&row))
    }

    /// How a caller stands with its limits, for nothing but knowing.
    pub fn statuses(&self, policy: &Policy, subject: &Subject<'_>) -> Vec<LimitStatus> {
        self.limits.statuses(policy, subject, self.load.borrow().jobs(), self.now_ms())
    }

    /// Writes a job that was in state `before`; when it has ended, wakes who waits for that, and announces it.
    ///
    /// What is announced to webhooks comes first: should there be no room for that, the job has not ended either, and
    /// whatever brought its end comes again.
    pub fn save(self: &Rc<Self>, before: JobState, job: &Job) -> Result<()> {
        deliver::announce(self, Some(before), job)?;
        self.tables.update_job(job)?;
        self.load.borrow_mut().moved(before, job);
        self.use_up(usage::change(Some(before), job))?;
        match job.state {
            JobState::Succeeded => self.tables.drop_message(job)?,
            state if state.is_final() => self.keep_message(job)?,
            _ => {}
        }
        if job.state.is_final() {
            self.note_end(job)?;
            self.presence.waiters.wake(&job.id);
        }
        self.presence.watchers.wake(&job.id);
        sockets::publish(self, job);
        Ok(())
    }
}
