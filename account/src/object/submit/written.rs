//! What a submission writes.
//!
//! All of it is written in one turn: job, message, limits, key and alarm stand or fall together, and the runtime holds the
//! answer back until they are on disk.

use forebay_contract::JobState;
use forebay_limits::policy::LimitStatus;

use super::{
    Stop, Submission,
    granted::{Granted, Grantee, NewJob, Spent},
};
use crate::{
    job::{Job, interests},
    object::{deliver, flush, leases, tally},
    platform::Result,
    room::Room,
    usage::{self, UsageRow},
};

/// A submission that has its job. After a dry run nothing was written.
pub(super) struct Written {
    pub job: Box<Job>,
    /// Whether the job was there before.
    pub joined: bool,
    /// How the caller stands with its limits.
    pub statuses: Vec<LimitStatus>,
}

/// Writes what was granted.
pub(super) async fn written(submission: &Submission<'_>, granted: Granted<'_>) -> Result<Written, Stop> {
    let Granted { to, spent, statuses } = granted;
    let is_written = !submission.call.dry_run;
    match to {
        Grantee::Joined(job) => {
            if is_written {
                write_join(submission, &job, spent)?;
            }
            Ok(Written { job, joined: true, statuses })
        }
        Grantee::New(new) => {
            if is_written && let Some(before) = write_new(submission, &new, spent).await? {
                return Err(submission.found(before, false));
            }
            Ok(Written { job: new.job, joined: false, statuses })
        }
    }
}

fn write_join(submission: &Submission<'_>, job: &Job, spent: Spent) -> Result<()> {
    let Submission { core, call, .. } = submission;
    let idempotency = call.idempotency.as_ref();
    let key = idempotency.map(|idempotency| idempotency.key.as_str());
    if !job.state.is_final()
        && let Some(joined) = interests::add(job.interests.as_deref(), &call.key, key)
    {
        core.tables.put_interests(&job.id, &joined)?;
    }
    core.tables.put_buckets(&spent.taken.buckets)?;
    core.use_up((job.state == JobState::Succeeded).then(|| UsageRow::hit(job, core.now_ms())))?;
    // Without its key the request joins the same job again.
    if let Some(idempotency) = idempotency.filter(|_| core.room() != Room::Out) {
        core.tables.put_idempotency(idempotency, &job.id, core.now_ms())?;
    }
    leases::spend(core, spent.taken, spent.at_ms);
    Ok(())
}

/// The job of that id, if there is one: this try comes after the one that was sent because nobody knew of it.
async fn write_new(submission: &Submission<'_>, new: &NewJob<'_>, spent: Spent) -> Result<Option<Job>> {
    let Submission { core, call, .. } = submission;
    let NewJob { job, message, timed } = new;
    let message = (!job.state.is_final()).then(|| core.outbox.message(job.id, job.lane, message));
    let written = core.tables.submit(job, message.as_ref(), &spent.taken.buckets, call.idempotency.as_ref());
    if let Err(error) = written {
        return core.tables.job(&job.id)?.map(Some).ok_or(error);
    }
    if *timed {
        core.tables.put_timing(job)?;
    }
    core.note_end(job)?;
    core.use_up(usage::change(None, job))?;
    deliver::announce(core, None, job)?;
    flush::mark_sent_along(core);
    leases::spend(core, spent.taken, spent.at_ms);
    if let Some(message) = message {
        match job.not_before_ms {
            Some(due_ms) => core.tables.delay_message(&job.id, message.seq, due_ms)?,
            None => core.outbox.push(message),
        }
        core.load.borrow_mut().opened(job);
        // It was made for what was asked for: a lighter model has another cost, and perhaps another lane.
        if let Some(promise) = call.timing.promise.filter(|_| job.degraded.is_none()) {
            core.load.borrow_mut().promised(job, promise);
        }
        tally::start(core);
    }
    let armed = match appointment(job) {
        Some(at_ms) => core.wake_by(at_ms).await.and(core.arrange_alarm().await),
        None => core.arrange_alarm().await,
    };
    // What is written is sent, whether or not an alarm stands behind it.
    flush::start(core);
    armed.map(|()| None)
}

/// When a job that was just accepted needs its object: at its start and at its deadline.
fn appointment(job: &Job) -> Option<u64> {
    [job.not_before_ms, job.deadline_ms].into_iter().flatten().min()
}
