#![allow(missing_docs, reason = "the `durable_object` attribute writes methods that cannot be documented")]

use std::rc::Rc;

use forebay_contract::{JobId, ReportAnswer, ReportEvent, state::Transition};
use serde::Serialize;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::{
    Call, CancelAnswer, Job, SubmitAnswer, SubmitCall,
    admit::{Admission, Present, admit, new_job},
    alarm,
    apply::apply,
    core::Core,
    flush,
};
use crate::cx::{log_line, now_ms};

/// One shard of one account: its jobs, its limits and its outbox.
#[durable_object]
pub struct Account {
    /// The inside, or why it could not be opened: a constructor cannot fail.
    core: std::result::Result<Rc<Core>, String>,
}

impl DurableObject for Account {
    fn new(state: State, env: Env) -> Self {
        Self { core: Core::open(state, env).map_err(|error| error.to_string()) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let bytes = request.bytes().await?;
        match self.answer(&bytes).await {
            Ok(response) => Ok(response),
            // Read by our own Worker alone, which logs it and hides it.
            Err(error) => Response::error(error.to_string(), 500),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        if let Err(error) = alarm::ring(self.core()?).await {
            log_line("alarm-failed", &error.to_string());
            // The runtime rings again, later each time.
            return Err(error);
        }
        Response::empty()
    }
}

impl Account {
    fn core(&self) -> Result<&Rc<Core>> {
        self.core.as_ref().map_err(|why| worker::Error::RustError(why.clone()))
    }

    async fn answer(&self, bytes: &[u8]) -> Result<Response> {
        let core = self.core()?;
        let text = std::str::from_utf8(bytes).map_err(|error| worker::Error::RustError(error.to_string()))?;
        let (call, message) = text.split_once('\n').unwrap_or((text, ""));
        match serde_json::from_str(call)? {
            Call::Submit(call) => json(&submit(core, *call, message).await?),
            Call::Job { id, wait_ms } => {
                flush::settle(core)?;
                json(&core.job(id, wait_ms).await?)
            }
            Call::Cancel { id } => json(&cancel(core, id).await?),
            Call::Expire { id } => json(&expire(core, id)?),
            Call::Report { worker, events } => json(&report(core, &worker, &events).await?),
        }
    }
}

fn json(answer: &impl Serialize) -> Result<Response> {
    Ok(Response::builder().fixed(serde_json::to_vec(answer)?))
}

/// Everything a submission writes is written in one turn: job, message, buckets and alarm stand or fall together, and
/// the runtime holds the answer back until they are on disk.
async fn submit(core: &Rc<Core>, call: SubmitCall, message: &str) -> Result<SubmitAnswer> {
    let config = core.config()?;
    let (now, wait_ms) = (now_ms(), call.wait_ms);
    let twin = if call.join { core.tables.twin(&call.digest)? } else { None };
    let buckets = core.buckets.borrow().clone();
    let present = Present {
        buckets: &buckets,
        twin,
        outbox_jobs: core.unsent.get(),
        outbox_max_jobs: config.outbox_max_jobs,
        now_ms: now,
    };
    let (job, joined, buckets, standings) = match admit(&call.limits, call.known.is_none(), present) {
        Admission::Deny { standings } => return Ok(SubmitAnswer::Denied { standings }),
        Admission::Full => {
            let retry_after_ms = core.retry_at_ms.get().saturating_sub(now);
            return Ok(SubmitAnswer::OutboxFull { retry_after_ms });
        }
        Admission::Join { job, buckets, standings } => (*job, true, buckets, standings),
        Admission::Accept { buckets, standings } => {
            (new_job(call, now, config.reconcile_after_ms), false, buckets, standings)
        }
    };
    let queued = !joined && !job.state.is_final();
    let message = queued.then(|| core.message(&job, message));
    if joined {
        core.tables.put_buckets(&buckets)?;
    } else {
        core.tables.submit(&job, message.as_ref(), &buckets)?;
    }
    flush::settle_along(core);
    core.buckets.replace(buckets);
    if let Some(message) = message {
        core.unsent.set(core.unsent.get() + 1);
        core.pending.borrow_mut().push(message);
    }
    if !joined {
        core.arrange_alarm().await?;
        flush::start(core);
    }
    let id = job.id;
    let ended = core.job_if_waited(id, wait_ms).await?;
    Ok(SubmitAnswer::Admitted { job: Box::new(ended.unwrap_or(job)), joined, standings })
}

async fn cancel(core: &Rc<Core>, id: JobId) -> Result<CancelAnswer> {
    flush::settle(core)?;
    let Some(mut job) = core.tables.job(&id)? else { return Ok(CancelAnswer::Unknown) };
    if !job.transition(Transition::Canceled, now_ms()) {
        return Ok(CancelAnswer::Ended { job: Box::new(job) });
    }
    core.tables.update_job(&job)?;
    core.tables.drop_message(&id)?;
    core.pending.borrow_mut().remove(&id);
    core.unsent.set(core.tables.outbox_jobs()?);
    // A batch that is on its way may carry it still.
    core.recount.set(core.flushing.get());
    core.waiters.wake(&id);
    Ok(CancelAnswer::Canceled { job: Box::new(job) })
}

fn expire(core: &Core, id: JobId) -> Result<Option<Job>> {
    let Some(mut job) = core.tables.job(&id)? else { return Ok(None) };
    if job.transition(Transition::Expired, now_ms()) {
        core.save(&job)?;
    }
    Ok(Some(job))
}

async fn report(core: &Rc<Core>, worker: &str, events: &[ReportEvent]) -> Result<ReportAnswer> {
    let config = core.config()?;
    flush::settle(core)?;
    let mut answer = ReportAnswer::default();
    for event in events {
        let Some(mut job) = core.tables.job(&event.job_id)? else { continue };
        if apply(&mut job, event, worker, now_ms(), config.reconcile_after_ms) {
            core.save(&job)?;
        }
        if job.state == forebay_contract::JobState::Canceled && !answer.canceled.contains(&job.id) {
            answer.canceled.push(job.id);
        }
    }
    // Whatever woke the object, messages that an earlier life left behind go out now.
    flush::start(core);
    Ok(answer)
}
