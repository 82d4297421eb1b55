//! What an Account object answers.

use super::{
    alarm::MOST_FORGOTTEN,
    core::Core,
    erase, flush,
    retry::retry,
    sockets,
    submit::{Messages, submit},
    tally, webhooks,
};
use crate::{
    call::{Call, CancelAnswer, LimitStatusesCall, Listed, answers},
    job::{
        Job,
        apply::apply,
        interests::{self, Withdrawal},
    },
    platform::{Result, Task},
    room::Room,
    usage,
};
use std::rc::Rc;

use forebay_contract::{JobId, JobState, Lane, ReportAnswer, ReportEvent, state::Transition};
use forebay_limits::policy::Subject;

/// The most other jobs of one digest that go with a result: the next who asks for one takes more along.
const MOST_EXPIRED: usize = 32;

/// The answer to a [`Call`], as JSON. Boxed, so that whoever waits for it compiles none of it.
pub fn answer(core: Rc<Core>, text: String) -> Task<'static, Result<String>> {
    Box::pin(async move { answered(&core, &text).await })
}

async fn answered(core: &Rc<Core>, text: &str) -> Result<String> {
    let (call, message) = text.split_once('\n').unwrap_or((text, ""));
    match serde_json::from_str(call)? {
        Call::Submit(call) => {
            let (first, lighter) = message.split_once('\n').unwrap_or((message, ""));
            answers::Submit(&submit(core, &call, Messages { first, lighter }).await?)
        }
        Call::LimitStatuses(call) => {
            let LimitStatusesCall { policy, key, ip, endpoint } = *call;
            // Shared limits alone look at model and lane, and those this object does not know.
            let lane = Lane::FREE_LIGHT;
            let subject = Subject { key: &key, ip: &ip, endpoint: &endpoint, model: "", lane, cost_ms: 0 };
            answers::LimitStatuses(&core.statuses(&policy, &subject))
        }
        Call::RevokeKey { key } => {
            core.tables.revoke_key(&key)?;
            core.limits.revoke(key);
            sockets::dismiss(core);
            answers::RevokeKey(&())
        }
        Call::Job { id, wait_ms } => {
            flush::mark_sent(core)?;
            answers::Job(&core.job(id, wait_ms).await?.map(|job| core.with_queue_number(job)))
        }
        Call::Cancel { id, caller, key } => answers::Cancel(&cancel(core, id, &caller, key.as_deref())?),
        Call::Expire { id } => answers::Expire(&expire(core, id)?),
        Call::Report { worker, events } => answers::Report(&report(core, &worker, &events).await?),
        Call::List(listing) => {
            flush::mark_sent(core)?;
            let Listed { jobs, next } = core.tables.list(&listing)?;
            answers::List(&Listed { jobs: jobs.into_iter().map(|job| core.with_queue_number(job)).collect(), next })
        }
        Call::Retry { id, submit } => answers::Retry(&retry(core, id, *submit).await?),
        Call::Webhooks(call) => Ok(webhooks::answer(core, &call).await?.to_text()),
        Call::Hits(rows) => {
            rows.into_iter().try_for_each(|row| core.use_up(Some(row)))?;
            answers::Hits(&())
        }
        Call::Erase { id } => answers::Erase(&erase::job(core, id).await?),
        Call::EraseAccount => answers::EraseAccount(&erase::account(core).await?),
        Call::AccountErasure => answers::AccountErasure(&erase::of_account(core)?),
        Call::Usage { from, to } => answers::Usage(&core.tables.usage(&from, &to)?),
    }
}

/// A job that others joined goes on: what one caller wants no more, they may.
fn cancel(core: &Rc<Core>, id: JobId, caller: &str, key: Option<&str>) -> Result<CancelAnswer> {
    flush::mark_sent(core)?;
    let Some(mut job) = core.tables.job(&id)? else { return Ok(CancelAnswer::Unknown) };
    let before = job.state;
    if before.is_final() {
        return Ok(CancelAnswer::Ended { job: Box::new(job) });
    }
    match interests::withdraw(job.interests.as_deref(), caller, key) {
        Withdrawal::Last => {}
        Withdrawal::Others(left) => {
            core.tables.put_interests(&id, &left)?;
            return Ok(CancelAnswer::Canceled { job: Box::new(core.with_queue_number(job)) });
        }
        Withdrawal::Again => return Ok(CancelAnswer::Ended { job: Box::new(core.with_queue_number(job)) }),
    }
    if !job.transition(Transition::Canceled, core.now_ms()) {
        return Ok(CancelAnswer::Ended { job: Box::new(job) });
    }
    core.save(before, &job)?;
    core.withdraw(&job)?;
    tally::start(core);
    Ok(CancelAnswer::Canceled { job: Box::new(job) })
}

/// Its result is gone for every other job of the same digest as well: none of them answers for a submission any more.
fn expire(core: &Rc<Core>, id: JobId) -> Result<Option<Job>> {
    let Some(mut job) = core.tables.job(&id)? else { return Ok(None) };
    if job.erased_ms.is_some() {
        return Ok(Some(job));
    }
    end_without_result(core, &mut job)?;
    for _ in 0..MOST_EXPIRED {
        let twin = core.tables.twin(&job.digest)?.filter(|twin| twin.state == JobState::Succeeded);
        let Some(mut twin) = twin else { break };
        end_without_result(core, &mut twin)?;
    }
    Ok(Some(job))
}

fn end_without_result(core: &Rc<Core>, job: &mut Job) -> Result<()> {
    let before = job.state;
    if before == JobState::Succeeded && job.transition(Transition::Expired, core.now_ms()) {
        core.save(before, job)?;
    }
    Ok(())
}

async fn report(core: &Rc<Core>, worker: &str, events: &[ReportEvent]) -> Result<ReportAnswer> {
    let settings = core.settings()?;
    flush::mark_sent(core)?;
    if core.room() == Room::Out {
        // Before anything is written.
        core.forget_messages(MOST_FORGOTTEN)?;
    }
    let mut answer = ReportAnswer::default();
    // The next look comes sooner by news than it would without, and a report may be the last that arrives.
    let mut earliest_check_ms = None;
    for event in events {
        let Some(mut job) = core.tables.job(&event.job_id)? else { continue };
        if job.erased_ms.is_some() {
            // Whatever a worker still does for it is done for nobody; what it has stored goes.
            let again_ms = erase::heard(core, event)?;
            earliest_check_ms = [earliest_check_ms, again_ms].into_iter().flatten().min();
            if !answer.canceled.contains(&job.id) {
                answer.canceled.push(job.id);
            }
        }
        let (before, device_ms) = (job.state, job.device_ms);
        if may_change(&job) && apply(&mut job, event, worker, core.now_ms(), settings.reconcile_after_ms) {
            core.save(before, &job)?;
            core.use_up(usage::late(device_ms, before, &job))?;
            earliest_check_ms = [earliest_check_ms, job.check_ms].into_iter().flatten().min();
        }
        // What was called off, and what came too late.
        if matches!(job.state, JobState::Canceled | JobState::Expired) && !answer.canceled.contains(&job.id) {
            answer.canceled.push(job.id);
        }
    }
    if let Some(check_ms) = earliest_check_ms {
        core.wake_by(check_ms).await?;
    }
    tally::start(core);
    // Whatever woke the object, messages that an earlier life left behind go out now.
    flush::start(core);
    Ok(answer)
}

/// Whether news may change a job: of one that was erased nothing but what its run took, for the bill.
fn may_change(job: &Job) -> bool {
    job.erased_ms.is_none() || job.state == JobState::Succeeded
}
