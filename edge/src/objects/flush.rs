//! The outbox: messages that were committed with their jobs, on their way to the queues.
//!
//! Sending is at least once. A message is marked as sent after its queue took it, together with a later write where there
//! is one, and goes when its job has a result; dying in between sends it again, and workers know a digest they have stored.

use std::rc::Rc;

use super::{backoff::backoff_ms, batch, core::Core, pending::Message};
use crate::{
    aws::sqs::{self, Taken},
    platform::Result,
};

const FIRST_RETRY_MS: u64 = 200;
const LONGEST_RETRY_MS: u64 = 30_000;
/// Batches that are not full start at least this far apart: under load ten travel together, alone nothing waits.
const PACE_MS: u64 = 10;
/// How long sent messages wait for a write to be marked with.
const SETTLE_MS: u64 = 50;
/// From how many on a submission takes the marking along.
const SETTLE_JOBS: usize = 10;

/// Starts sending, unless that runs already or the queue was out of reach a moment ago.
pub fn start(core: &Rc<Core>) {
    if core.unsent.get() > 0 && !core.flushing.get() && core.retry_at_ms.get() <= core.now_ms() {
        core.spawn(run(core.clone()));
    }
}

/// Sends until the outbox is empty or a batch fails. One batch is on its way at a time, so order is kept.
pub async fn run(core: Rc<Core>) {
    if core.flushing.replace(true) {
        return;
    }
    while core.unsent.get() > 0 && core.retry_at_ms.get() <= core.now_ms() {
        let pause = (core.last_batch_ms.get() + PACE_MS).saturating_sub(core.now_ms()).min(PACE_MS);
        if pause > 0 && core.pending.borrow().len() < sqs::MAX_BATCH {
            core.platform.sleep(pause).await;
        }
        core.last_batch_ms.set(core.now_ms());
        if let Err(error) = send_one_batch(&core).await {
            postpone(&core, &error);
        }
    }
    core.flushing.set(false);
    settle_soon(&core);
    // An alarm that cannot be set now was set with the commit.
    if let Err(error) = core.arrange_alarm().await {
        core.log("alarm-failed", &error.to_string());
    }
}

/// Marks what was sent, if there is enough of it to be worth a place in somebody else's write.
pub fn settle_along(core: &Core) {
    if core.sent.borrow().len() >= SETTLE_JOBS
        && let Err(error) = settle(core)
    {
        core.log("settle-failed", &error.to_string());
    }
}

/// Marks what was sent; its jobs remember when.
pub fn settle(core: &Core) -> Result<()> {
    let sent = core.sent.take();
    if sent.is_empty() {
        return Ok(());
    }
    core.tables.messages_sent(&sent).inspect_err(|_| core.sent.borrow_mut().extend(sent))
}

fn settle_soon(core: &Rc<Core>) {
    if core.sent.borrow().is_empty() || core.settling.replace(true) {
        return;
    }
    let inner = core.clone();
    core.spawn(async move {
        inner.platform.sleep(SETTLE_MS).await;
        inner.settling.set(false);
        if let Err(error) = settle(&inner) {
            inner.log("settle-failed", &error.to_string());
        }
    });
}

async fn send_one_batch(core: &Rc<Core>) -> std::result::Result<(), String> {
    let batch = next_batch(core).map_err(|error| error.to_string())?;
    let Some(lane) = batch.first().map(|message| message.lane) else { return Ok(()) };
    let texts: Vec<&str> = batch.iter().map(|message| message.text.as_str()).collect();
    // A worker may have a message before the queue's answer is here: it was sent when it left.
    let now = core.now_ms();
    let taken = core.platform.send(lane, &texts).await.map_err(|error| error.to_string())?;
    let sent: Vec<_> = batch
        .iter()
        .zip(&taken)
        .filter(|(_, taken)| **taken == Taken::Yes)
        .map(|(message, _)| (message.seq, message.job_id))
        .collect();
    let refused = batch.len() - sent.len();
    core.unsent.set(core.unsent.get().saturating_sub(sent.len()));
    core.sent.borrow_mut().extend(sent.into_iter().map(|(seq, job_id)| Sent { seq, job_id, at_ms: now }));
    if core.recount.take() || !core.pending.borrow().is_complete() {
        count(core).map_err(|error| error.to_string())?;
    }
    settle_soon(core);
    if refused > 0 {
        return Err(format!("{refused} of {} messages were refused", batch.len()));
    }
    core.failures.set(0);
    Ok(())
}

/// A message that its queue has.
#[derive(Debug)]
pub struct Sent {
    /// Its place in the outbox.
    pub seq: u64,
    /// Its job.
    pub job_id: forebay_contract::JobId,
    /// When it left.
    pub at_ms: u64,
}

/// From memory, else from the table.
fn next_batch(core: &Core) -> Result<Vec<Message>> {
    let batch = core.pending.borrow_mut().take_batch();
    if !batch.is_empty() {
        return Ok(batch);
    }
    count(core)?;
    let mut batch = core.tables.next_messages(sqs::MAX_BATCH)?;
    batch.truncate(batch::fitting(batch.iter().map(|message| message.text.len())));
    Ok(batch)
}

/// Makes the counters say what the table does.
fn count(core: &Core) -> Result<()> {
    settle(core)?;
    core.unsent.set(core.tables.outbox_jobs()?);
    if core.unsent.get() == 0 {
        core.pending.borrow_mut().caught_up();
    }
    Ok(())
}

fn postpone(core: &Core, why: &str) {
    core.pending.borrow_mut().fall_back();
    let failures = core.failures.get().saturating_add(1);
    let wait = backoff_ms(failures, FIRST_RETRY_MS, LONGEST_RETRY_MS, core.platform.random());
    core.failures.set(failures);
    core.retry_at_ms.set(core.now_ms() + wait);
    core.log("outbox-postponed", &format!("{} waiting, next try in {wait} ms: {why}", core.unsent.get()));
}
