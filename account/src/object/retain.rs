//! What plans keep no longer: it goes by the alarm, some jobs a turn, and what the bucket did not do is tried again.

use std::rc::Rc;

use super::{
    alarm::{BUDGET_MS, LOOK_MS, MOST_CHECKS},
    core::Core,
    erase, flush,
};
use crate::{
    job::{Job, ends::End},
    platform::Result,
};

/// When a bucket is asked again that did not remove an input.
const AGAIN_MS: u64 = 60_000;

impl Core {
    /// Notes when something of a job goes that has ended, where its plan says so, and sees to an alarm by then.
    pub(crate) fn note_end(self: &Rc<Self>, job: &Job) -> Result<()> {
        let Some((at_ms, _)) = job.next_end(true) else { return Ok(()) };
        self.tables.put_ends(&job.id, Some(at_ms))?;
        let inner = self.clone();
        self.spawn(async move {
            if let Err(error) = inner.wake_by(at_ms).await {
                inner.log("alarm-failed", &error.to_string());
            }
        });
        Ok(())
    }
}

/// Lets go what is due, for as long as an alarm may take.
pub(crate) async fn end_due(core: &Rc<Core>, began_ms: u64) -> Result<()> {
    while core.now_ms().saturating_sub(began_ms) < BUDGET_MS {
        flush::mark_sent(core)?;
        let due = core.tables.to_end(core.now_ms(), MOST_CHECKS)?;
        for job in &due {
            let next_ms = end_one(core, job).await?;
            core.tables.put_ends(&job.id, next_ms)?;
        }
        if due.len() < MOST_CHECKS as usize {
            break;
        }
    }
    erase::remove_due(core, began_ms).await
}

/// Lets go what is due of one job; when the next is.
async fn end_one(core: &Rc<Core>, job: &Job) -> Result<Option<u64>> {
    let has_input = job.message_seq.is_some() || job.input_key.is_some();
    let Some((at_ms, end)) = job.next_end(has_input) else { return Ok(None) };
    if at_ms > core.now_ms() {
        return Ok(Some(at_ms));
    }
    match end {
        End::Input => {
            if !is_input_removed(core, job).await? {
                return Ok(Some(core.now_ms().saturating_add(AGAIN_MS)));
            }
            core.tables.forget_input(&job.id)?;
        }
        End::Result => erase::begin(core, job.clone())?,
        End::Row => {
            if job.erased_ms.is_none() {
                erase::begin(core, job.clone())?;
            }
            core.tables.delete_job(&job.id)?;
            return Ok(None);
        }
    }
    let next = core.tables.job(&job.id)?.and_then(|job| job.next_end(false));
    Ok(next.map(|(at_ms, _)| at_ms))
}

/// Whether the bucket has no input of the job; one that another job is to run on is that one's from now on.
async fn is_input_removed(core: &Rc<Core>, job: &Job) -> Result<bool> {
    let Some(key) = &job.input_key else { return Ok(true) };
    if core.tables.others(&job.id, None, Some(key))?.input.is_some() {
        return Ok(true);
    }
    match core.platform.within(LOOK_MS, core.platform.remove(key)).await {
        Some(Ok(())) => Ok(true),
        Some(Err(error)) => {
            core.log("erasure-failed", &error.to_string());
            Ok(false)
        }
        None => Ok(false),
    }
}
