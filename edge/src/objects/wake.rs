//! What an Account object does at a certain time, sooner than its next alarm would.

use super::{Job, UsageRow, core::Core};
use crate::platform::Result;

impl Core {
    /// Makes sure the alarm rings by `at_ms`, once it is arranged: what else is due comes no later for it.
    pub async fn wake_by(&self, at_ms: u64) -> Result<()> {
        if self.alarm_ms.get().is_some_and(|set_ms| set_ms <= at_ms) {
            return Ok(());
        }
        self.alarm_ms.set(Some(at_ms));
        self.platform.set_alarm(at_ms).await
    }

    /// The job with its place in the lane.
    pub fn placed(&self, job: Job) -> Job {
        Job { place: self.load.borrow().place(&job.id), ..job }
    }

    /// Lets those messages go whose time has come.
    pub fn release(&self) -> Result<()> {
        let waiting = self.unsent.get();
        self.load.borrow_mut().released(self.now_ms());
        self.tables.release_messages(self.now_ms())?;
        self.unsent.set(self.tables.outbox_jobs()?);
        if self.unsent.get() != waiting {
            // They are older than what memory has: the table knows the order.
            self.pending.borrow_mut().fall_back();
        }
        Ok(())
    }

    /// Takes back the message of a job that is not to run, as far as its queue does not have it.
    pub fn withdraw(&self, job: &Job) -> Result<()> {
        self.tables.hold_message(job, self.now_ms())?;
        self.pending.borrow_mut().remove(&job.id);
        self.unsent.set(self.tables.outbox_jobs()?);
        // A batch that is on its way may carry it still.
        self.recount.set(self.flushing.get());
        Ok(())
    }

    /// Adds to what the account has used.
    pub fn use_up(&self, used: Option<UsageRow>) -> Result<()> {
        used.map_or(Ok(()), |row| self.tables.use_up(&row))
    }
}
