//! What an Account object holds between events: caches of what SQLite has, and what only memory needs.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
};

use forebay_contract::{JobId, JobState};

use super::{
    Job,
    flush::Sent,
    idempotent::Deciding,
    line::Line,
    load::Load,
    pending::{Message, Pending},
    room::{Room, Size},
    sockets::{self, Sockets},
    tables::Tables,
    usage,
    waiters::Waiters,
    webhook::{self, Webhooks},
};
use crate::{
    admission::{idempotency, lane::holdings::Holdings, policy::Buckets},
    config::Config,
    platform::{Platform, Result, Sql},
};

/// While messages wait, an alarm stands this close behind: whatever dies between commit and send, it sends them.
const OUTBOX_ALARM_MS: u64 = 1_000;
/// Alarms of one object are at least this far apart.
const ALARM_GAP_MS: u64 = 1_000;

/// For how long the message of a job that ended without a result is kept, and how much of all of them: a favour, for who
/// wants to run the job again.
const KEPT_MS: u64 = 3 * 86_400_000;
const MOST_KEPT_BYTES: u64 = 500_000_000;
/// How many make room for one that comes.
const MOST_REPLACED: u32 = 4;

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
    pub settling_leases: Cell<bool>,
    /// Who waits for a limit.
    pub line: Rc<Line>,
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
    /// Messages that no queue has taken yet.
    pub unsent: Cell<usize>,
    /// Their beginning, in memory.
    pub pending: RefCell<Pending>,
    /// Messages that were taken and are still in the table.
    pub sent: RefCell<Vec<Sent>>,
    /// The place of the next message.
    pub next_seq: Cell<u64>,
    /// Set when a message left the table in another way than by being sent.
    pub recount: Cell<bool>,
    /// Whether a flush runs.
    pub flushing: Cell<bool>,
    /// When its last batch began.
    pub last_batch_ms: Cell<u64>,
    /// Whether somebody will mark what was sent.
    pub settling: Cell<bool>,
    /// Failed sends in a row.
    pub failures: Cell<u32>,
    /// When the next is tried.
    pub retry_at_ms: Cell<u64>,
    /// The alarm that is set, as far as this life of the object knows.
    pub alarm_ms: Cell<Option<u64>>,
}

impl Core {
    /// Reads what the object needs to know; its truth is all in SQLite.
    pub fn open(platform: Rc<dyn Platform>) -> Result<Rc<Self>> {
        let sql = Sql::new(platform.clone());
        let tables = Tables::open(sql.clone())?;
        let unsent = tables.outbox_jobs()?;
        let shard = platform.name();
        // Once in its life: how often objects sleep, move and break is seen by it, and what they store.
        platform.log("account-wakes", &format!("{shard} stores {} KB", platform.stored_bytes() / 1_000));
        Ok(Rc::new(Self {
            shard,
            buckets: RefCell::new(tables.buckets()?),
            holdings: RefCell::default(),
            settling_leases: Cell::new(false),
            line: Rc::default(),
            deciding: Deciding::default(),
            revoked_keys: RefCell::new(tables.revoked_keys()?),
            load: RefCell::new(Load::new(tables.load(platform.now_ms())?)),
            keeping: Cell::new(false),
            tallying: Cell::new(false),
            unsent: Cell::new(unsent),
            pending: RefCell::new(Pending::new(unsent == 0)),
            sent: RefCell::default(),
            next_seq: Cell::new(tables.last_seq()?.saturating_add(1)),
            recount: Cell::new(false),
            waiters: Waiters::default(),
            watchers: Waiters::default(),
            streams: Cell::new(0),
            sockets: Sockets::default(),
            webhooks: Webhooks::open(sql, platform.as_ref())?,
            flushing: Cell::new(false),
            last_batch_ms: Cell::new(0),
            settling: Cell::new(false),
            failures: Cell::new(0),
            retry_at_ms: Cell::new(0),
            alarm_ms: Cell::new(None),
            platform,
            tables,
            size: Size::default(),
        }))
    }

    /// What the operator has set.
    pub fn config(&self) -> Result<Rc<Config>> {
        self.platform.config()
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

    /// The next message of the outbox.
    pub fn message(&self, job: &Job, text: &str) -> Message {
        let seq = self.next_seq.get();
        self.next_seq.set(seq + 1);
        Message { seq, job_id: job.id, lane: job.lane, text: text.to_owned() }
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

    /// Keeps the message of a job that ended without a result, for another try, and lets the oldest of those go that there
    /// is no room for.
    fn keep_message(&self, job: &Job) -> Result<()> {
        self.tables.keep_message(job, self.now_ms())?;
        self.forget_messages(MOST_REPLACED)
    }

    /// Forgets up to `most` messages of ended jobs that are too old, or too much.
    pub fn forget_messages(&self, most: u32) -> Result<()> {
        let bytes = if self.room() == Room::Out { 0 } else { MOST_KEPT_BYTES };
        self.tables.forget_messages(self.now_ms().saturating_sub(KEPT_MS), bytes, most)
    }

    /// Makes sure the alarm rings no later than everything stored asks for.
    ///
    /// Called in the same turn as the writes it stands for: the runtime commits both together.
    pub async fn arrange_alarm(&self) -> Result<()> {
        let now = self.now_ms();
        let set = self.alarm_ms.get();
        let waiting = self.unsent.get() > 0;
        let due = match (waiting, set) {
            (true, _) if self.retry_at_ms.get() > now => Some(self.retry_at_ms.get()),
            (true, _) => Some(now + OUTBOX_ALARM_MS),
            // Only a new message can be due before an alarm that stands.
            (false, Some(_)) => None,
            (false, None) => self.due_ms(now)?,
        };
        let Some(due) = due.filter(|due| set.is_none_or(|set| *due < set)) else { return Ok(()) };
        self.alarm_ms.set(Some(due));
        self.platform.set_alarm(due).await
    }

    /// When there is something to do besides sending.
    fn due_ms(&self, now: u64) -> Result<Option<u64>> {
        let check = self.tables.next_check_ms()?;
        let retention_ms = self.config()?.retention_ms;
        let sweep = self.tables.oldest_ended()?.map(|id| id.made_at_ms().saturating_add(retention_ms));
        let keys = self.tables.oldest_idempotency_ms()?.map(|made_ms| made_ms.saturating_add(idempotency::LIFETIME_MS));
        let release = self.tables.next_release_ms()?;
        let message = self.tables.oldest_kept_ms()?.map(|ended_ms| match self.room() {
            Room::Out => now,
            Room::Ample | Room::Low => ended_ms.saturating_add(KEPT_MS),
        });
        let (deliveries, log) = (webhook::look_ms(self, now), self.webhooks.sweep_ms(retention_ms)?);
        let due = [check, sweep, keys, release, message, deliveries, log].into_iter().flatten().min();
        Ok(due.map(|due| due.max(now + ALARM_GAP_MS)))
    }
}
