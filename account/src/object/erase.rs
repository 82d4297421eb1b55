//! Erasing a job's data: in the tables at once, in the bucket as soon as that does it, and again for as long as a worker
//! may store something late. What is to be done is a row; whoever dies in between goes on from there.

use std::rc::Rc;

use forebay_admission::idempotency;
use forebay_contract::{EventKind, InputRef, JobId, JobMessage, ReportEvent, state::Transition};
use futures_util::future::join_all;

use super::{
    alarm::{BUDGET_MS, LOOK_MS, MOST_CHECKS},
    core::Core,
    deliver, flush, tally,
};
use crate::{
    call::EraseAnswer,
    erase::{AccountErasure, AccountKept, AccountReceipt, Erasure, Kept, Receipt},
    job::Job,
    platform::{AwsError, Result},
};

/// How long an answer waits for the bucket, in milliseconds: well below what is waited for the answer.
const ANSWER_MS: u64 = 5_000;
/// Jobs erased in one turn: each takes a handful of statements.
const MOST_ERASED: u32 = 64;

/// Erases a job, if that was not done before, and says what is gone.
pub(crate) async fn job(core: &Rc<Core>, id: JobId) -> Result<EraseAnswer> {
    flush::mark_sent(core)?;
    let Some(job) = core.tables.job(&id)? else { return Ok(EraseAnswer::Unknown) };
    if job.erased_ms.is_none() {
        core.tables.blank_idempotency(&job)?;
        begin(core, job)?;
        tally::start(core);
        core.wake_by(core.now_ms()).await?;
    }
    let Some(erasure) = core.tables.erasure(&id)? else { return Ok(EraseAnswer::Unknown) };
    if erasure.removed_ms.is_none() {
        remove(core, &erasure, ANSWER_MS).await?;
    }
    let erasure = core.tables.erasure(&id)?.unwrap_or(erasure);
    Ok(EraseAnswer::Erased { receipt: Box::new(receipt(core, &erasure)?), digest: erasure.digest })
}

fn receipt(core: &Core, erasure: &Erasure) -> Result<Receipt> {
    Ok(erasure.receipt(kept(core)?))
}

fn kept(core: &Core) -> Result<Kept> {
    Ok(Kept { retention_ms: core.settings()?.retention_ms, keys_ms: idempotency::LIFETIME_MS })
}

/// Begins to erase all that the account has, unless that goes on already, and says how far it is.
pub(crate) async fn account(core: &Rc<Core>) -> Result<AccountReceipt> {
    flush::mark_sent(core)?;
    let under_way = core.tables.account_erasure()?.filter(|erasure| erasure.ended_ms.is_none());
    let erasure = match under_way {
        Some(erasure) => erasure,
        None => {
            let webhooks = core.webhooks.all();
            for webhook in &webhooks {
                core.webhooks.remove(&webhook.id)?;
            }
            core.tables.blank_all_idempotency()?;
            let now_ms = core.now_ms();
            let erasure = AccountErasure::begin(core.tables.newest_job()?, webhooks.len() as u64, now_ms);
            core.tables.put_account_erasure(&erasure, erasure.last.map(|_| now_ms))?;
            deliver::start(core);
            core.wake_by(now_ms).await?;
            erasure
        }
    };
    account_receipt(core, &erasure)
}

/// How far the last erasure of the account is; `None` where there was none.
pub(crate) fn of_account(core: &Core) -> Result<Option<AccountReceipt>> {
    core.tables.account_erasure()?.map(|erasure| account_receipt(core, &erasure)).transpose()
}

fn account_receipt(core: &Core, erasure: &AccountErasure) -> Result<AccountReceipt> {
    let kept = AccountKept { of_jobs: kept(core)?, result_ms: core.settings()?.lifetime(None).result_ms };
    Ok(erasure.receipt(core.tables.erasures_in_bucket()?, kept))
}

/// Goes on with the account's erasure, some jobs a turn, for as long as an alarm may take.
pub(crate) async fn go_on(core: &Rc<Core>, began_ms: u64) -> Result<()> {
    while core.now_ms().saturating_sub(began_ms) < BUDGET_MS {
        let Some(mut erasure) = core.tables.account_erasure()?.filter(|erasure| erasure.ended_ms.is_none()) else {
            break;
        };
        flush::mark_sent(core)?;
        let jobs = core.tables.next_to_erase(&erasure, MOST_ERASED)?;
        let at = jobs.last().map(|job| job.id);
        let mut erased = 0;
        for job in jobs {
            // What was accepted since may have an older id: clocks differ.
            if job.erased_ms.is_none() && job.accepted_ms <= erasure.started_ms {
                begin(core, job)?;
                erased += 1;
            }
        }
        erasure.went(at, erased, core.now_ms());
        core.tables.put_account_erasure(&erasure, at.map(|_| core.now_ms()))?;
        tally::start(core);
        // The turn ends here: what it wrote is on disk before more is read.
        core.platform.sleep(1).await;
        remove_due(core, began_ms).await?;
    }
    Ok(())
}

/// Writes all that an erasure does to the tables, in one turn. A job that has not ended is canceled first, whoever else
/// has joined it: they are the same account's.
pub(crate) fn begin(core: &Rc<Core>, mut job: Job) -> Result<()> {
    let now_ms = core.now_ms();
    let is_on_its_way = core.outbox.with(job.lane, |outbox| outbox.flushing) && !job.state.is_final();
    let before = job.state;
    let input_key = match &job.input_key {
        Some(key) => Some(key.clone()),
        // Rows of before have it in their message alone.
        None => core.tables.message(&job)?.and_then(|message| stored_input(&message)),
    };
    let erasure = {
        let others = core.tables.others(&job.id, Some(job.digest), input_key.as_deref())?;
        let may_be_queued = job.sent_ms.is_some() || is_on_its_way;
        Erasure::begin(&job, input_key, others, may_be_queued, now_ms)
    };
    if job.transition(Transition::Canceled, now_ms) {
        core.save(before, &job)?;
        core.withdraw(&job)?;
    }
    job.erase(now_ms);
    core.tables.put_erasure(&erasure)?;
    core.tables.erase_job(&job)
}

fn stored_input(message: &str) -> Option<String> {
    match JobMessage::from_json(message).ok()?.input {
        InputRef::Stored { key, .. } => Some(key),
        InputRef::Inline { .. } => None,
    }
}

/// A worker has reported of an erased job: when the bucket is to be asked again, where it may have stored something.
pub(crate) fn heard(core: &Core, event: &ReportEvent) -> Result<Option<u64>> {
    if !matches!(event.kind, EventKind::Succeeded { .. } | EventKind::Failed { .. } | EventKind::Returned { .. }) {
        return Ok(None);
    }
    let Some(mut erasure) = core.tables.erasure(&event.job_id)? else { return Ok(None) };
    if erasure.heard(core.now_ms()) {
        core.tables.put_erasure(&erasure)?;
    }
    Ok(erasure.next_ms)
}

/// Asks the bucket about what is due, for as long as an alarm may take.
pub(crate) async fn remove_due(core: &Rc<Core>, began_ms: u64) -> Result<()> {
    while core.now_ms().saturating_sub(began_ms) < BUDGET_MS {
        let due = core.tables.due_erasures(core.now_ms(), MOST_CHECKS)?;
        for removed in join_all(due.iter().map(|erasure| remove(core, erasure, LOOK_MS))).await {
            removed?;
        }
        if due.len() < MOST_CHECKS as usize {
            break;
        }
    }
    Ok(())
}

/// Has the bucket remove what it has of an erased job, within so long, and writes down whether it did.
async fn remove(core: &Rc<Core>, erasure: &Erasure, most_ms: u64) -> Result<()> {
    let others = core.tables.others(&erasure.job_id, erasure.digest, erasure.input_key.as_deref())?;
    let keys = erasure.keys(others);
    let removing = async { join_all(keys.iter().map(|key| core.platform.remove(key))).await };
    let answers = core.platform.within(most_ms, Box::pin(removing)).await;
    let late = || vec![Err(AwsError::Unreachable(format!("no answer within {most_ms} ms")))];
    let failed = answers.unwrap_or_else(late).into_iter().find_map(Result::err);
    if let Some(error) = &failed {
        core.log("erasure-failed", &error.to_string());
    }
    // Read anew: what a worker reported meanwhile is due at once.
    let Some(mut stored) = core.tables.erasure(&erasure.job_id)? else { return Ok(()) };
    if stored.next_ms == erasure.next_ms {
        stored.looked(failed.is_none(), core.now_ms(), core.platform.random());
        core.tables.put_erasure(&stored)?;
        match stored.next_ms {
            Some(next_ms) => core.wake_by(next_ms).await?,
            None => core.tables.forget_erasure(&stored.job_id)?,
        }
    }
    Ok(())
}
