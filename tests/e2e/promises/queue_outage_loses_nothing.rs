//! While the queues are stopped or slow, submissions are taken as ever, up to a bound; once they are back everything is
//! delivered, in order, ten at a time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Client, id, poll, text},
    queue_proxy::QueueProxy,
    stack::{Hall, Options, Stack, words},
};

/// The most jobs that wait in one account's object.
const BOUND: usize = 25;
const DELAY: Duration = Duration::from_secs(2);

pub fn check(hall: &Hall) -> Result<()> {
    let proxy = QueueProxy::start(hall.localstack()?)?;
    let variables = BTreeMap::from([("OUTBOX_MAX_JOBS".to_owned(), BOUND.to_string())]);
    let stack = hall.own("outage", &Options { queues: Some(proxy.address()), variables, ..Options::default() })?;
    stopped_queues_are_waited_for(&stack, &proxy)?;
    slow_queues_slow_nobody(&stack, &proxy)
}

fn embed(n: usize) -> Value {
    json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 6)}})
}

fn stopped_queues_are_waited_for(stack: &Stack, proxy: &QueueProxy) -> Result<()> {
    let client = stack.new_client("outage", "pro")?;
    let accepted = (0..BOUND).map(|n| client.accepted(&embed(n))).collect::<Result<Vec<_>>>()?;
    let refused = client.submit(&embed(BOUND))?;
    refused.expect_problem(503, "outbox-full")?;
    refused.retry_after_s()?;
    ensure!(client.used("in-flight")? == BOUND as u64, "the refused one is a job");
    // The bound is the account's own, and what is no new message passes.
    let other = stack.new_client("outage-other", "pro")?;
    other.accepted(&embed(0))?;
    let joined = client.submit(&embed(0))?.expect(202)?.json()?;
    ensure!(id(&joined)? == id(&accepted[0])?, "{joined}");
    // A job that is called off meanwhile is never sent.
    client.cancel(&accepted[3])?;
    let late = client.accepted(&embed(BOUND))?;
    ensure!(proxy.batches().is_empty(), "a stopped queue took something");

    proxy.stop(false);
    let mut expect: Vec<_> =
        accepted.iter().chain([&late]).map(|job| Ok(id(job)?.to_owned())).collect::<Result<_>>()?;
    expect.remove(3);
    delivered(proxy, &client, "outage", &expect)?;
    let sizes = batch_sizes(proxy, "outage");
    ensure!(sizes == [10, 10, 5], "{BOUND} waiting messages travelled as {sizes:?}");
    client.accepted(&embed(BOUND + 1))?;
    let in_lanes = || stack.messages_in_lanes();
    poll("every message is in its lane", || {
        let (count, expect) = (in_lanes()?, BOUND as u64 + 2);
        Ok(if count == expect { Ok(()) } else { Err(count) })
    })
}

fn slow_queues_slow_nobody(stack: &Stack, proxy: &QueueProxy) -> Result<()> {
    proxy.slow_down(DELAY);
    let client = stack.new_client("slowness", "pro")?;
    let (mut ids, mut waits) = (Vec::new(), Vec::new());
    let all_began = Instant::now();
    for n in 0..BOUND {
        let began = Instant::now();
        ids.push(id(&client.accepted(&embed(n))?)?.to_owned());
        waits.push(began.elapsed());
    }
    let took = all_began.elapsed();
    waits.sort();
    let median = waits[BOUND / 2];
    // Who waited for the queue would have waited for all of its delay.
    ensure!(median < DELAY, "submissions take {median:?} while the queue takes {DELAY:?}");
    delivered(proxy, &client, "slowness", &ids)?;
    // One travels alone at first; the others gather behind it, as many as come while it travels. The rest goes by tens.
    let sizes = batch_sizes(proxy, "slowness");
    let most = took.div_duration_f64(DELAY).ceil() as usize + 1 + BOUND.div_ceil(10);
    ensure!(sizes.len() <= most, "{BOUND} messages of {took:?} travelled as {sizes:?}");
    Ok(())
}

/// Waits until the queues have these jobs of the account, and checks that they came in this order, each once.
fn delivered(proxy: &QueueProxy, client: &Client, account: &str, expect: &[String]) -> Result<()> {
    let sent = || -> Result<Vec<String>> {
        let batches = proxy.batches();
        let own = batches.iter().flatten().filter(|message| message["account"] == account);
        own.map(|message| Ok(text(message, "job_id")?.to_owned())).collect()
    };
    poll("every message is sent", || {
        let sent = sent()?;
        Ok(if sent.len() >= expect.len() { Ok(()) } else { Err(sent.len()) })
    })?;
    let sent = sent()?;
    ensure!(sent == expect, "sent were {sent:#?}, accepted {expect:#?}");
    let last = expect.last().context("nothing was accepted")?;
    poll("the last job knows that it was sent", || {
        let job = client.job(&json!({ "id": last }))?;
        Ok(if job["timeline"]["sent_ms"].is_u64() { Ok(()) } else { Err(job) })
    })
}

fn batch_sizes(proxy: &QueueProxy, account: &str) -> Vec<usize> {
    let batches = proxy.batches();
    batches.iter().filter(|batch| batch.iter().any(|message| message["account"] == account)).map(Vec::len).collect()
}
