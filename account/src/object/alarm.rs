//! What an Account object does by itself: send what waits, ask about what is silent, forget what is old.

use super::{core::Core, deliver, due::AGAIN_MS, erase, flush, retain, sockets, tally};
use crate::{
    job::Job,
    platform::{AwsError, Error, Result},
    timers::reconcile::{InBucket, Patience, is_lost, reconcile},
    usage,
};
use std::rc::Rc;

use forebay_contract::{JobFailure, JobId, JobState, storage_key};
use forebay_limits::civil::{date, day_of};
use futures_util::future::join_all;

use forebay_admission::idempotency;

/// Jobs asked about at once: two requests each, and the runtime lets six wait for their answers.
pub(crate) const MOST_CHECKS: u32 = 16;
/// Rows deleted at one alarm; of messages, which may be large, fewer.
const MOST_DELETED: u32 = 500;
pub(crate) const MOST_FORGOTTEN: u32 = 100;

/// The alarm does a bounded piece of work and comes again: alarms of one object do not overlap, and what hangs here holds
/// up all that is due. In milliseconds, from its beginning to the last question it begins.
pub(crate) const BUDGET_MS: u64 = 10_000;
/// How long one job is asked about, in milliseconds.
pub(crate) const LOOK_MS: u64 = 15_000;

/// The alarm. It fails where no next one can be set, and in no other case: the runtime gives up on alarms that keep
/// failing, and nobody else would set another.
pub(crate) async fn ring(core: &Rc<Core>) -> Result<()> {
    let began_ms = core.now_ms();
    // Before anything that may fail, hang or end this life: what is due is looked at again.
    core.timers.alarm.set(None);
    let again_ms = began_ms.saturating_add(AGAIN_MS);
    set_again(core, again_ms).await?;
    core.timers.alarm.set(Some(again_ms));
    if let Err(error) = core.release() {
        core.log("release-failed", &error.to_string());
    }
    // Jobs whose time has come stand in their lanes from now on.
    sockets::look(core);
    flush::start(core);
    deliver::start(core);
    for step in [check(core, began_ms).await, let_go(core, began_ms).await, sweep(core), deliver::sweep(core)] {
        if let Err(error) = step {
            core.log("alarm-step-failed", &error.to_string());
        }
    }
    if let Err(error) = core.rearrange_alarm().await {
        core.log("alarm-failed", &error.to_string());
        core.timers.alarm.set(Some(again_ms));
    }
    // Lanes that have not heard, or have forgotten, hear of what is still open; no alarm waits for their answer.
    let inner = core.clone();
    core.spawn(async move { tally::announce(&inner).await });
    Ok(())
}

/// Sets the next alarm, which takes room: an object that is full makes some first, of what is kept as a favour.
async fn set_again(core: &Rc<Core>, again_ms: u64) -> Result<()> {
    match core.platform.set_alarm(Some(again_ms)).await {
        Err(Error::Full(why)) => {
            core.log("alarm-without-room", &why);
            core.tables.forget_messages(core.now_ms(), 0, MOST_FORGOTTEN)?;
            sweep(core)?;
            core.platform.set_alarm(Some(again_ms)).await
        }
        set => set,
    }
}

/// What is erased, and what plans keep no longer.
async fn let_go(core: &Rc<Core>, began_ms: u64) -> Result<()> {
    if core.tables.next_gone_ms()?.is_none_or(|at_ms| at_ms > core.now_ms()) {
        return Ok(());
    }
    erase::go_on(core, began_ms).await?;
    retain::end_due(core, began_ms).await
}

async fn check(core: &Rc<Core>, began_ms: u64) -> Result<()> {
    while core.now_ms().saturating_sub(began_ms) < BUDGET_MS {
        if check_some(core).await? < MOST_CHECKS as usize {
            break;
        }
    }
    Ok(())
}

/// Asks about those that are due the longest; how many there were.
async fn check_some(core: &Rc<Core>) -> Result<usize> {
    let settings = core.settings()?;
    let due = core.tables.to_check(core.now_ms(), MOST_CHECKS)?;
    let found = join_all(due.iter().map(|job| look(core, job))).await;
    // One line for all: they ask the same bucket.
    if let Some(Err(error)) = found.iter().find(|found| found.is_err()) {
        core.log("reconciliation-failed", &error.to_string());
    }
    for (job, found) in due.iter().zip(found) {
        let found = found.unwrap_or(InBucket::Unknown);
        // Read anew: a report may have come while the bucket was asked.
        let Some(mut job) = core.tables.job(&job.id)? else { continue };
        let patience = Patience {
            first_ms: settings.reconcile_after_ms,
            retention_ms: settings.retention_ms,
            random: core.platform.random(),
        };
        let (before, in_vain) = (job.state, matches!(found, InBucket::Nothing));
        reconcile(&mut job, found, core.now_ms(), patience);
        if job.state == JobState::Expired {
            core.withdraw(&job)?;
        }
        core.save(before, &job)?;
        if in_vain && is_lost(&job, core.load.borrow().expected_ms(&job.id), core.now_ms()) {
            send_again(core, &job)?;
        }
        if !job.state.is_final() {
            core.load.borrow_mut().announce_again(job.lane);
        }
    }
    Ok(due.len())
}

/// The message of a job that nobody has heard of for long goes to its queue once more.
fn send_again(core: &Rc<Core>, job: &Job) -> Result<()> {
    core.log("message-sent-again", &job.id.to_string());
    flush::mark_sent(core)?;
    core.tables.send_again(job)?;
    core.outbox.recounted(&core.tables.outbox_jobs()?);
    flush::start(core);
    Ok(())
}

/// What the bucket has of a job. That it has no result is said by HEAD, which a missing bucket says too; the question for
/// the failure is answered by the bucket itself, or not at all.
async fn look(core: &Core, job: &Job) -> Result<InBucket, AwsError> {
    let found = core.platform.within(LOOK_MS, Box::pin(ask(core, job))).await;
    found.unwrap_or_else(|| Err(AwsError::Unreachable(format!("no answer within {LOOK_MS} ms"))))
}

async fn ask(core: &Core, job: &Job) -> Result<InBucket, AwsError> {
    if let Some(head) = core.platform.find(&storage_key::result(&job.digest)).await? {
        return Ok(InBucket::Result(head));
    }
    let Some(json) = core.platform.read(&storage_key::failure(&job.id)).await? else {
        return Ok(InBucket::Nothing);
    };
    let failure: JobFailure = serde_json::from_str(&json).map_err(|error| AwsError::Unexpected(error.to_string()))?;
    Ok(InBucket::Failure(failure))
}

/// Jobs older than the retention go; those that never ended were given up by a check before.
fn sweep(core: &Core) -> Result<()> {
    let now = core.now_ms();
    core.tables.delete_stale(now, now.saturating_sub(idempotency::LIFETIME_MS))?;
    core.forget_messages(MOST_FORGOTTEN)?;
    core.tables.delete_usage(&date(day_of(now).saturating_sub(usage::KEPT_DAYS)))?;
    core.limits.sweep(now);
    let Some(oldest) = core.tables.oldest_ended()? else { return Ok(()) };
    let before_ms = core.now_ms().saturating_sub(core.settings()?.retention_ms);
    if oldest.made_at_ms() < before_ms {
        core.tables.delete_ended(&JobId::new(before_ms, [0; 10], oldest.shard()), MOST_DELETED)?;
    }
    Ok(())
}
