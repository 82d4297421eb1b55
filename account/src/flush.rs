//! The outbox: messages that were committed with their jobs, on their way to the queues.
//!
//! Sending is at least once. A message is marked as sent after its queue took it, together with a later write where there
//! is one, and goes when its job has a result; dying in between sends it again, and workers know a digest they have stored.
//! Lanes are sent to side by side: one whose queue fails or hangs keeps its own messages and no others.

use std::rc::Rc;

use forebay_contract::{FailureCode, Lane, state::Transition};

use super::{core::Core, outbox::Sent, pending::Message, tally};
use crate::platform::{self, AwsError, Result, Taken};

/// Batches that are not full start at least this far apart: under load ten travel together, alone nothing waits.
const PACE_MS: u64 = 10;
/// How long sent messages wait for a write to be marked with.
const SETTLE_MS: u64 = 50;
/// From how many on a submission takes the marking along.
const SETTLE_JOBS: usize = 10;

/// Starts sending to every lane that has messages, unless that runs already or its queue was out of reach a moment ago.
pub(crate) fn start(core: &Rc<Core>) {
    for lane in core.outbox.ready(core.now_ms()) {
        core.outbox.with(lane, |outbox| outbox.flushing = true);
        core.spawn(run(core.clone(), lane));
    }
}

/// Sends until the lane's outbox is empty or a batch fails. One batch of a lane is on its way at a time, so order is kept.
async fn run(core: Rc<Core>, lane: Lane) {
    while core.outbox.with(lane, |outbox| outbox.may_send(core.now_ms())) {
        let now_ms = core.now_ms();
        let pause_ms = core.outbox.with(lane, |outbox| match outbox.pending.len() < platform::MAX_BATCH {
            true => (outbox.last_batch_ms + PACE_MS).saturating_sub(now_ms).min(PACE_MS),
            false => 0,
        });
        if pause_ms > 0 {
            core.platform.sleep(pause_ms).await;
        }
        core.outbox.with(lane, |outbox| outbox.last_batch_ms = core.now_ms());
        if let Err(why) = send_one_batch(&core, lane).await {
            let wait_ms = core.outbox.with(lane, |outbox| outbox.failed(core.now_ms(), core.platform.random()));
            let waiting = core.outbox.unsent(lane);
            core.log("outbox-postponed", &format!("{lane}: {waiting} waiting, next try in {wait_ms} ms: {why}"));
        }
    }
    core.outbox.with(lane, |outbox| outbox.flushing = false);
    settle_soon(&core);
    // An alarm that cannot be set now was set with the commit.
    if let Err(error) = core.arrange_alarm().await {
        core.log("alarm-failed", &error.to_string());
    }
}

/// Marks what was sent, if there is enough of it to be worth a place in somebody else's write.
pub(crate) fn settle_along(core: &Core) {
    if core.outbox.sent.borrow().len() >= SETTLE_JOBS
        && let Err(error) = settle(core)
    {
        core.log("settle-failed", &error.to_string());
    }
}

/// Marks what was sent; its jobs remember when.
pub(crate) fn settle(core: &Core) -> Result<()> {
    let sent = core.outbox.sent.take();
    if sent.is_empty() {
        return Ok(());
    }
    core.tables.messages_sent(&sent).inspect_err(|_| core.outbox.sent.borrow_mut().extend(sent))
}

fn settle_soon(core: &Rc<Core>) {
    if core.outbox.sent.borrow().is_empty() || core.outbox.settling.replace(true) {
        return;
    }
    let inner = core.clone();
    core.spawn(async move {
        inner.platform.sleep(SETTLE_MS).await;
        inner.outbox.settling.set(false);
        if let Err(error) = settle(&inner) {
            inner.log("settle-failed", &error.to_string());
        }
    });
}

async fn send_one_batch(core: &Rc<Core>, lane: Lane) -> std::result::Result<(), String> {
    let batch = next_batch(core, lane).map_err(|error| error.to_string())?;
    if batch.is_empty() {
        return Ok(());
    }
    let texts: Vec<&str> = batch.iter().map(|message| message.text.as_str()).collect();
    // A worker may have a message before the queue's answer is here: it was sent when it left.
    let at_ms = core.now_ms();
    let taken = match core.platform.send(lane, &texts).await {
        Ok(taken) => taken,
        Err(error) => match refusal(&error) {
            Some(code) if batch.len() == 1 => vec![Taken::Never(code.to_owned())],
            Some(code) => {
                core.outbox.with(lane, |outbox| outbox.one_by_one = true);
                return Err(format!("the queue refuses a batch of {}: {code}", batch.len()));
            }
            None => return Err(error.to_string()),
        },
    };
    let mut untaken = 0usize;
    for (message, taken) in batch.iter().zip(&taken) {
        match taken {
            Taken::Yes => {
                core.outbox.with(lane, |outbox| outbox.unsent = outbox.unsent.saturating_sub(1));
                core.outbox.sent.borrow_mut().push(Sent { seq: message.seq, job_id: message.job_id, at_ms });
            }
            Taken::Never(code) => park(core, message, code).map_err(|error| error.to_string())?,
            Taken::NotNow => untaken += 1,
        }
    }
    if core.outbox.with(lane, |outbox| std::mem::take(&mut outbox.recount) || !outbox.pending.is_complete()) {
        count(core).map_err(|error| error.to_string())?;
    }
    settle_soon(core);
    if untaken > 0 {
        return Err(format!("{untaken} of {} messages were not taken", batch.len()));
    }
    core.outbox.with(lane, |outbox| outbox.succeeded());
    Ok(())
}

/// What a queue says against the messages of a batch themselves, and would say again:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>. Whatever else it
/// says may change with its settings or ours.
fn refusal(error: &AwsError) -> Option<&'static str> {
    let AwsError::Status { status: 400, body } = error else { return None };
    ["InvalidMessageContents", "BatchRequestTooLong", "InvalidParameterValue"]
        .into_iter()
        .find(|code| body.contains(code))
}

/// A message that its queue will never take is kept and not sent, and its job ends.
fn park(core: &Rc<Core>, message: &Message, code: &str) -> Result<()> {
    core.log("message-refused", &format!("{} by the queue of {}: {code}", message.job_id, message.lane));
    let Some(mut job) = core.tables.job(&message.job_id)? else { return Ok(()) };
    core.withdraw(&job)?;
    core.outbox.with(message.lane, |outbox| outbox.one_by_one = false);
    let before = job.state;
    if job.transition(Transition::Failed(job.attempt), core.now_ms()) {
        job.failure_code = Some(FailureCode::Undeliverable);
        job.failure_detail =
            Some("the lane's queue refuses this job's message: tell the operator the job's id".to_owned());
        core.save(before, &job)?;
        tally::start(core);
    }
    Ok(())
}

/// From memory, else from the table.
fn next_batch(core: &Core, lane: Lane) -> Result<Vec<Message>> {
    let most = core.outbox.with(lane, |outbox| if outbox.one_by_one { 1 } else { platform::MAX_BATCH });
    let batch = core.outbox.with(lane, |outbox| outbox.pending.take_batch(most));
    if !batch.is_empty() {
        return Ok(batch);
    }
    count(core)?;
    if core.outbox.unsent(lane) == 0 {
        core.outbox.with(lane, |outbox| outbox.one_by_one = false);
        return Ok(Vec::new());
    }
    let mut batch = core.tables.next_messages(lane, most)?;
    batch.truncate(super::batch::fitting(batch.iter().map(|message| message.text.len())));
    Ok(batch)
}

/// Makes the counters say what the table does.
fn count(core: &Core) -> Result<()> {
    settle(core)?;
    core.outbox.recounted(&core.tables.outbox_jobs()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_against_a_message_ends_its_job() {
        let error = |status, body: &str| AwsError::Status { status, body: body.to_owned() };
        let json = r#"{"__type":"com.amazonaws.sqs#InvalidMessageContents"}"#;
        assert_eq!(refusal(&error(400, json)), Some("InvalidMessageContents"));
        for other in [
            error(400, r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}"#),
            error(403, json),
            error(500, json),
            AwsError::Unreachable("away".to_owned()),
        ] {
            assert_eq!(refusal(&other), None);
        }
    }
}
