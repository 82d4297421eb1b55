//! Small things that an Account object does to its own state.

use super::{Job, UsageRow, core::Core};
use crate::platform::Result;

impl Core {
    /// The job with its place in the lane.
    pub fn placed(&self, job: Job) -> Job {
        Job { place: self.load.borrow().place(&job.id), ..job }
    }

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

    /// Adds to what the account has used.
    pub fn use_up(&self, used: Option<UsageRow>) -> Result<()> {
        used.map_or(Ok(()), |row| self.tables.use_up(&row))
    }
}
