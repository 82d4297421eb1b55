//! The outbox: messages that were committed with their jobs, on their way to the queues.

use std::rc::Rc;

use worker::Result;

use super::{backoff::backoff_ms, batch, core::Core, tables::OutboxRow};
use crate::{
    aws::sqs,
    cx::{log_line, now_ms},
    entropy,
};

const FIRST_RETRY_MS: u64 = 200;
const LONGEST_RETRY_MS: u64 = 30_000;

/// Starts sending, unless that runs already or the queue was out of reach a moment ago.
///
/// One batch is on its way at a time: what is accepted meanwhile travels together in the next, in order.
pub fn start(core: &Rc<Core>) {
    if core.outbox_jobs.get() > 0 && !core.flushing.get() && core.retry_at_ms.get() <= now_ms() {
        core.state.wait_until(run(core.clone()));
    }
}

/// Sends until the outbox is empty or a batch fails.
pub async fn run(core: Rc<Core>) {
    if core.flushing.replace(true) {
        return;
    }
    while core.outbox_jobs.get() > 0 && core.retry_at_ms.get() <= now_ms() {
        if let Err(error) = send_one_batch(&core).await {
            postpone(&core, &error);
        }
    }
    core.flushing.set(false);
    // An alarm that cannot be set now was set with the commit.
    if let Err(error) = core.arrange_alarm().await {
        log_line("alarm-failed", &error.to_string());
    }
}

async fn send_one_batch(core: &Core) -> std::result::Result<(), String> {
    let config = core.config().map_err(|error| error.to_string())?;
    let mut rows = core.tables.next_messages(sqs::MAX_BATCH).map_err(|error| error.to_string())?;
    rows.truncate(batch::fitting(rows.iter().map(|row| row.message.len())));
    let Some(lane) = rows.first().map(|row| row.lane) else {
        core.outbox_jobs.set(0);
        return Ok(());
    };
    let messages: Vec<&str> = rows.iter().map(|row| row.message.as_str()).collect();
    let queue_url = lane.queue_url(&config.queue_url_prefix);
    let taken =
        sqs::send_batch(&config.signer, now_ms(), &queue_url, &messages).await.map_err(|error| error.to_string())?;
    let sent: Vec<&OutboxRow> = taken.iter().filter_map(|index| rows.get(*index)).collect();
    forget(core, &sent).map_err(|error| error.to_string())?;
    if sent.len() < rows.len() {
        return Err(format!("{} of {} messages were refused", rows.len() - sent.len(), rows.len()));
    }
    core.failures.set(0);
    Ok(())
}

/// Dying before this sends the messages again; workers know a digest they have stored.
fn forget(core: &Core, sent: &[&OutboxRow]) -> Result<()> {
    if !sent.is_empty() {
        core.tables.transaction(|| core.tables.messages_sent(sent, now_ms()))?;
    }
    // Counted anew: a cancellation may have taken rows meanwhile.
    core.outbox_jobs.set(core.tables.outbox_jobs()?);
    Ok(())
}

fn postpone(core: &Core, why: &str) {
    let failures = core.failures.get().saturating_add(1);
    let wait = backoff_ms(failures, FIRST_RETRY_MS, LONGEST_RETRY_MS, entropy::below(u64::MAX));
    core.failures.set(failures);
    core.retry_at_ms.set(now_ms() + wait);
    log_line("outbox-postponed", &format!("{} waiting, next try in {wait} ms: {why}", core.outbox_jobs.get()));
}
