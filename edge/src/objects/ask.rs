//! What an Account object answers.

use std::rc::Rc;

use forebay_contract::{JobId, JobState, Lane, ReportAnswer, ReportEvent, state::Transition};
use serde::Serialize;

use super::{
    Call, CancelAnswer, Job, Listed, StandingsCall,
    alarm::MOST_FORGOTTEN,
    apply::apply,
    core::Core,
    flush,
    retry::retry,
    room::Room,
    sockets,
    submit::{Messages, standings, submit},
    tally, usage, webhook,
};
use crate::{admission::policy::Subject, platform::Result};

/// The answer to a [`Call`], as JSON.
pub async fn answer(core: &Rc<Core>, text: &str) -> Result<String> {
    let (call, message) = text.split_once('\n').unwrap_or((text, ""));
    match serde_json::from_str(call)? {
        Call::Submit(call) => {
            let (first, lighter) = message.split_once('\n').unwrap_or((message, ""));
            json(&submit(core, &call, Messages { first, lighter }).await?)
        }
        Call::Standings(call) => {
            let StandingsCall { policy, key, ip, endpoint } = *call;
            // Shared limits alone look at model and lane, and those are not this object's to tell.
            let lane = Lane::FreeLight;
            let subject = Subject { key: &key, ip: &ip, endpoint: &endpoint, model: "", lane, cost_ms: 0 };
            json(&standings(core, &policy, &subject))
        }
        Call::RevokeKey { key } => {
            core.tables.revoke_key(&key)?;
            core.revoked_keys.borrow_mut().insert(key);
            sockets::dismiss(core);
            json(&())
        }
        Call::Job { id, wait_ms } => {
            flush::settle(core)?;
            json(&core.job(id, wait_ms).await?.map(|job| core.placed(job)))
        }
        Call::Cancel { id } => json(&cancel(core, id).await?),
        Call::Expire { id } => json(&expire(core, id)?),
        Call::Report { worker, events } => json(&report(core, &worker, &events).await?),
        Call::List(listing) => {
            flush::settle(core)?;
            let Listed { jobs, next } = core.tables.list(&listing)?;
            json(&Listed { jobs: jobs.into_iter().map(|job| core.placed(job)).collect(), next })
        }
        Call::Retry { id, submit } => json(&retry(core, id, *submit).await?),
        Call::Webhooks(call) => Ok(webhook::answer(core, &call).await?.to_text()),
        Call::Hits(rows) => {
            rows.into_iter().try_for_each(|row| core.use_up(Some(row)))?;
            json(&())
        }
        Call::Usage { from, to } => json(&core.tables.usage(&from, &to)?),
    }
}

fn json(answer: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(answer)?)
}

async fn cancel(core: &Rc<Core>, id: JobId) -> Result<CancelAnswer> {
    flush::settle(core)?;
    let Some(mut job) = core.tables.job(&id)? else { return Ok(CancelAnswer::Unknown) };
    let before = job.state;
    if !job.transition(Transition::Canceled, core.now_ms()) {
        return Ok(CancelAnswer::Ended { job: Box::new(job) });
    }
    core.save(before, &job)?;
    core.withdraw(&job)?;
    tally::start(core);
    Ok(CancelAnswer::Canceled { job: Box::new(job) })
}

fn expire(core: &Rc<Core>, id: JobId) -> Result<Option<Job>> {
    let Some(mut job) = core.tables.job(&id)? else { return Ok(None) };
    let before = job.state;
    if job.transition(Transition::Expired, core.now_ms()) {
        core.save(before, &job)?;
    }
    Ok(Some(job))
}

async fn report(core: &Rc<Core>, worker: &str, events: &[ReportEvent]) -> Result<ReportAnswer> {
    let config = core.config()?;
    flush::settle(core)?;
    if core.room() == Room::Out {
        // Before anything is written.
        core.forget_messages(MOST_FORGOTTEN)?;
    }
    let mut answer = ReportAnswer::default();
    // The next look comes sooner by news than it would without, and a report may be the last that arrives.
    let mut earliest_check_ms = None;
    for event in events {
        let Some(mut job) = core.tables.job(&event.job_id)? else { continue };
        let (before, device_ms) = (job.state, job.device_ms);
        if apply(&mut job, event, worker, core.now_ms(), config.reconcile_after_ms) {
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
