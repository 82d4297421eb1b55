//! A lane whose queue is gone holds up no other lane, and a message that its queue lost is sent again.

use anyhow::{Result, ensure};
use forebay_contract::Lane;
use serde_json::json;

use crate::{
    client::{id, poll},
    stack::{Hall, Options, words},
};

pub fn check(hall: &Hall) -> Result<()> {
    // Sent again after five looks in vain, each twice as long after the one before: twenty seconds instead of a quarter of
    // an hour.
    let mut stack = hall.own("broken", &Options { reconcile_after_ms: Some(700), ..Options::default() })?;
    let client = stack.new_client("broken", "pro")?;
    let in_lanes = |expect: u64| {
        poll("the queues have so many messages", || {
            let count = stack.deployment().messages_in_lanes()?;
            Ok(if count == expect { Ok(()) } else { Err(count) })
        })
    };

    // Nobody has seen the message, and nobody will.
    let lost = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(1, 6)}}))?;
    in_lanes(1)?;
    stack.deployment().purge(Lane::PAID_LIGHT)?;
    in_lanes(0)?;

    stack.start_worker(&[])?;
    stack.deployment().delete_queue(Lane::PAID_HEAVY)?;
    let stuck = client.accepted(&json!({"model": "dcgan-faces", "parameters": {"seed": 5}}))?;
    let other = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(2, 6)}}))?;
    ensure!(client.finished(&other)?["status"] == "succeeded");
    let waits = client.get(&format!("/v1/jobs/{}", id(&stuck)?))?.expect(200)?.json()?;
    ensure!(waits["status"] == "queued", "{waits}");

    ensure!(client.finished(&lost)?["status"] == "succeeded", "it was not sent again");
    ensure!(stack.logs()?.contains("message-sent-again"), "it was there all the time: nothing was shown");

    stack.deployment().create_queue(Lane::PAID_HEAVY)?;
    ensure!(client.finished(&stuck)?["status"] == "succeeded", "it did not reach its queue");
    Ok(())
}
