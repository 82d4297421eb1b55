//! Messages that are released, taken back, kept as a favour and forgotten.

use super::core::Core;
use crate::{job::Job, platform::Result, room::Room};

/// For how long the message of a job that ended without a result is kept, and how much of all of them: a favour, for who
/// wants to run the job again.
const KEPT_MS: u64 = 3 * 86_400_000;
const MOST_KEPT_BYTES: u64 = 500_000_000;
/// How many make room for one that comes.
const MOST_REPLACED: u32 = 4;

impl Core {
    /// Lets those messages go whose time has come.
    pub fn release(&self) -> Result<()> {
        self.load.borrow_mut().released(self.now_ms());
        self.tables.release_messages(self.now_ms())?;
        self.outbox.recounted(&self.tables.outbox_jobs()?);
        Ok(())
    }

    /// Takes back the message of a job that is not to run, as far as its queue does not have it.
    pub fn withdraw(&self, job: &Job) -> Result<()> {
        self.tables.hold_message(job, self.now_ms())?;
        let unsent = self.tables.outbox_jobs()?.get(&job.lane).copied().unwrap_or(0);
        self.outbox.with(job.lane, |outbox| {
            outbox.pending.remove(&job.id);
            outbox.unsent = unsent;
            // A batch that is on its way may carry it still.
            outbox.recount |= outbox.flushing;
        });
        Ok(())
    }

    /// Keeps the message of a job that ended without a result, for another try, and lets the oldest of those go that there
    /// is no room for.
    pub fn keep_message(&self, job: &Job) -> Result<()> {
        self.tables.keep_message(job, self.now_ms())?;
        self.forget_messages(MOST_REPLACED)
    }

    /// Forgets up to `most` messages of ended jobs that are too old, or too much.
    pub fn forget_messages(&self, most: u32) -> Result<()> {
        let bytes = if self.room() == Room::Out { 0 } else { MOST_KEPT_BYTES };
        self.tables.forget_messages(self.now_ms().saturating_sub(KEPT_MS), bytes, most)
    }

    /// When some of them are to be forgotten.
    pub fn messages_due_ms(&self) -> Result<Option<u64>> {
        let oldest_ms = self.tables.oldest_kept_ms()?;
        Ok(oldest_ms.map(|ended_ms| if self.room() == Room::Out { ended_ms } else { ended_ms.saturating_add(KEPT_MS) }))
    }
}
