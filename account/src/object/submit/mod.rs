//! A submission's way through its object: claimed → decided → granted → written → answered. The first and the last stage
//! are here, the others have a file each.
//!
//! Deciding may wait, for leases of shared limits and for its turn; between the last decision and the write nothing waits,
//! so what was decided is what is written.

mod decided;
mod granted;
mod written;

use std::rc::Rc;

use forebay_admission::idempotency::{Idempotency, is_remembered};
use forebay_limits::policy::LimitStatus;

use self::{
    decided::{Earlier, decided, earlier},
    granted::granted,
    written::{Written, written},
};
use crate::{
    call::{SubmitAnswer, SubmitCall},
    job::Job,
    limits::HeldKey,
    object::core::Core,
    platform::{Error, Result},
};

/// The messages of a submission, one for each offer.
pub(crate) struct Messages<'a> {
    pub first: &'a str,
    pub lighter: &'a str,
}

/// What every stage reads.
struct Submission<'a> {
    core: &'a Rc<Core>,
    call: &'a SubmitCall,
    messages: Messages<'a>,
    /// When its object was asked, in milliseconds since the epoch.
    asked_ms: u64,
}

/// Why a submission goes through no further stage.
enum Stop {
    /// It has its answer.
    Answered(SubmitAnswer),
    /// It has its job already.
    Found(Written),
    /// Something broke.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Answers a submission.
pub(crate) async fn submit(core: &Rc<Core>, call: &SubmitCall, messages: Messages<'_>) -> Result<SubmitAnswer> {
    let submission = Submission { core, call, messages, asked_ms: core.now_ms() };
    match stages(&submission).await {
        Ok(written) | Err(Stop::Found(written)) => answered(&submission, written).await,
        Err(Stop::Answered(answer)) => Ok(answer),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// From the call to what is written.
async fn stages(submission: &Submission<'_>) -> Result<Written, Stop> {
    let claimed = claimed(submission)?;
    let decided = decided(submission).await?;
    // The first try may have waited as long as this one.
    submission.stop_if_written()?;
    // Whoever sends the key again from here on finds its job.
    drop(claimed);
    written(submission, granted(submission, decided)?).await
}

/// A submission that may be decided.
struct Claimed {
    /// Its idempotency key, under which nobody else decides as long as this is held.
    _key: Option<HeldKey>,
}

fn claimed(submission: &Submission<'_>) -> Result<Claimed, Stop> {
    let Submission { core, call, asked_ms, .. } = submission;
    if core.limits.revoked_keys().contains(&call.key) {
        return Err(Stop::Answered(SubmitAnswer::Revoked));
    }
    submission.stop_if_written()?;
    let key = call.idempotency.as_ref().map(|idempotency| submission.claim(idempotency)).transpose()?;
    if call.nothing_new && matches!(earlier(core, call, *asked_ms)?, Earlier::Nothing) {
        return Err(Stop::Answered(SubmitAnswer::NothingKnown));
    }
    Ok(Claimed { _key: key })
}

async fn answered(submission: &Submission<'_>, written: Written) -> Result<SubmitAnswer> {
    let Submission { core, call, .. } = submission;
    let Written { job, joined, statuses } = written;
    let ended = if call.dry_run { None } else { core.job_if_waited(job.id, call.wait_ms).await? };
    let job = Box::new(core.with_queue_number(ended.unwrap_or(*job)));
    Ok(SubmitAnswer::Admitted { job, joined, statuses })
}

impl Submission<'_> {
    /// Stops a submission that is sent again and has its job. One that joined another is decided anew.
    fn stop_if_written(&self) -> Result<(), Stop> {
        match self.call.again.then(|| self.core.tables.job(&self.call.id)).transpose()?.flatten() {
            Some(job) => Err(self.found(job, false)),
            None => Ok(()),
        }
    }

    /// Holds an idempotency key that nothing was decided under. A key whose job is gone is free, as is one that is a day
    /// old.
    fn claim(&self, idempotency: &Idempotency) -> Result<HeldKey, Stop> {
        let core = self.core;
        if let Some(used) = core.tables.idempotency(&idempotency.key)?
            && is_remembered(used.made_ms, core.now_ms())
        {
            // One whose job was erased has none: it is answered with that job, whatever is asked.
            if !used.fingerprint.is_empty() && used.fingerprint != idempotency.fingerprint {
                return Err(Stop::Answered(SubmitAnswer::IdempotencyMismatch));
            }
            if let Some(job) = core.tables.job(&used.job_id)? {
                return Err(self.found(job, true));
            }
        }
        core.limits.deciding.hold(&idempotency.key).ok_or(Stop::Answered(SubmitAnswer::IdempotencyInProgress))
    }

    /// What was decided before is answered once more: nothing is spent and nothing written.
    fn found(&self, job: Job, joined: bool) -> Stop {
        Stop::Found(Written { job: Box::new(job), joined, statuses: self.statuses() })
    }

    /// How the caller stands with its limits, for nothing but knowing.
    fn statuses(&self) -> Vec<LimitStatus> {
        self.core.statuses(&self.call.policy, &self.call.subject(&self.call.offer))
    }
}
