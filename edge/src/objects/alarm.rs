//! What an Account object does by itself: send what waits, ask about what is silent, forget what is old.

use std::rc::Rc;

use forebay_contract::{JobFailure, JobId, JobState, storage_key};
use futures_util::future::join_all;

use super::{
    Job,
    core::Core,
    flush,
    reconcile::{Found, Patience, reconcile},
    sockets, tally, webhook,
};
use crate::{
    admission::{
        idempotency,
        limit::civil::{date, day_of},
    },
    aws::AwsError,
    platform::Result,
};

/// Jobs asked about at once, and how often at one alarm: two requests each, well below the 1,000 that one event may send.
const MOST_CHECKS: u32 = 16;
const MOST_ROUNDS: usize = 24;
/// How many days of usage are kept.
const USAGE_DAYS: u64 = 400;
/// Rows deleted at one alarm; of messages, which may be large, fewer.
const MOST_DELETED: u32 = 500;
pub const MOST_FORGOTTEN: u32 = 100;

/// The alarm. Whatever goes wrong in it, the next one is set: the runtime gives up on alarms that keep failing.
pub async fn ring(core: &Rc<Core>) -> Result<()> {
    core.alarm_ms.set(None);
    if let Err(error) = core.release() {
        core.log("release-failed", &error.to_string());
    }
    // Whose time has come has a place from now on.
    sockets::look(core);
    flush::run(core.clone()).await;
    webhook::start(core);
    for step in [check(core).await, sweep(core), webhook::sweep(core)] {
        if let Err(error) = step {
            core.log("alarm-step-failed", &error.to_string());
        }
    }
    core.arrange_alarm().await?;
    // Lanes that were not told, or have forgotten, hear of what is still open; no alarm waits for their answer.
    tally::tell(core).await;
    Ok(())
}

async fn check(core: &Rc<Core>) -> Result<()> {
    for _ in 0..MOST_ROUNDS {
        if check_some(core).await? < MOST_CHECKS as usize {
            break;
        }
    }
    Ok(())
}

/// Asks about those that are due the longest; how many there were.
async fn check_some(core: &Rc<Core>) -> Result<usize> {
    let config = core.config()?;
    let due = core.tables.to_check(core.now_ms(), MOST_CHECKS)?;
    let found = join_all(due.iter().map(|job| look(core, job))).await;
    // One line for all: they ask the same bucket.
    if let Some(Err(error)) = found.iter().find(|found| found.is_err()) {
        core.log("reconciliation-failed", &error.to_string());
    }
    for (job, found) in due.iter().zip(found) {
        let found = found.unwrap_or(Found::Nothing);
        // Read anew: a report may have come while the bucket was asked.
        let Some(mut job) = core.tables.job(&job.id)? else { continue };
        let patience = Patience {
            first_ms: config.reconcile_after_ms,
            retention_ms: config.retention_ms,
            random: core.platform.random(),
        };
        let before = job.state;
        reconcile(&mut job, found, core.now_ms(), patience);
        if job.state == JobState::Expired {
            core.withdraw(&job)?;
        }
        core.save(before, &job)?;
        if !job.state.is_final() {
            core.load.borrow_mut().tell_again(job.lane);
        }
    }
    Ok(due.len())
}

async fn look(core: &Core, job: &Job) -> std::result::Result<Found, AwsError> {
    if let Some(head) = core.platform.find(&storage_key::result(&job.digest)).await? {
        return Ok(Found::Result(head));
    }
    let Some(json) = core.platform.read(&storage_key::failure(&job.id)).await? else {
        return Ok(Found::Nothing);
    };
    let failure: JobFailure = serde_json::from_str(&json).map_err(|error| AwsError::Unexpected(error.to_string()))?;
    Ok(Found::Failure(failure))
}

/// Jobs older than the retention go; those that never ended were given up by a check before.
fn sweep(core: &Core) -> Result<()> {
    let now = core.now_ms();
    core.tables.delete_stale(now, now.saturating_sub(idempotency::LIFETIME_MS))?;
    core.forget_messages(MOST_FORGOTTEN)?;
    core.tables.delete_usage(&date(day_of(now).saturating_sub(USAGE_DAYS)))?;
    core.buckets.borrow_mut().retain(|_, bucket| bucket.until_ms >= now);
    let Some(oldest) = core.tables.oldest_ended()? else { return Ok(()) };
    let before_ms = core.now_ms().saturating_sub(core.config()?.retention_ms);
    if oldest.made_at_ms() < before_ms {
        core.tables.delete_ended(&JobId::new(before_ms, [0; 10], oldest.shard()), MOST_DELETED)?;
    }
    Ok(())
}
