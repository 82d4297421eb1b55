//! So many may listen and no more, and who does not read what it is told costs no more than its share.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, ensure};
use forebay_contract::EventKind;
use serde_json::{Value, json};

use crate::{
    client::{Client, Request, id, poll},
    event_stream::EventStream,
    socket::Socket,
    stack::{Hall, Infra, Options, Stack, now_ms, words},
};

/// How many streams one account may have open on this stack.
const STREAMS: usize = 2;
const SOCKETS: usize = 2;
/// The most reports until somebody who does not read is cut off: the kernel's own buffers come first.
const MOST_REPORTS: u32 = 400;
/// Events of one report.
const STEPS: u32 = 100;

pub fn check(hall: &Hall) -> Result<()> {
    let variables = [("EVENT_STREAMS_MAX", STREAMS), ("SOCKETS_MAX", SOCKETS)];
    let variables = variables.map(|(name, most)| (name.to_owned(), most.to_string()));
    let options = Options { infra: Infra::Common, variables: BTreeMap::from(variables), ..Options::default() };
    let stack = hall.own("listeners", &options)?;
    let client = stack.client("listeners")?;
    let job = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(1, 9)}}))?;
    stack.report(&job, EventKind::Started { batch_size: 1 })?;
    let slow = streams_are_bounded(&stack, &client, &job)?;
    sockets_are_bounded(&stack, &client, &job, slow)
}

/// Gives a stream that nobody reads.
fn streams_are_bounded(stack: &Stack, client: &Client, job: &Value) -> Result<EventStream> {
    let open = || EventStream::open(stack, client, id(job)?);
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut stream = open()?.map_err(|status| anyhow!("refused with {status}"))?;
        stream.until("event: running")?;
        streams.push(stream);
    }
    let path = format!("/v1/jobs/{}/events", id(job)?);
    let request = Request { method: "GET", path: &path, headers: &[("accept", "text/event-stream")], body: None };
    let refused = client.send(&request)?;
    refused.expect_problem(429, "too-many-listeners")?;
    ensure!(refused.retry_after_s()? >= 1, "{refused:?}");
    // Another account has its own.
    let other = stack.client("listeners-other")?;
    let theirs = other.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(2, 9)}}))?;
    ensure!(EventStream::open(stack, &other, id(&theirs)?)?.is_ok(), "another account's streams count");
    // Who goes away makes room, at the latest when there is something to be told.
    let slow = streams.pop().context("no stream")?;
    drop(streams);
    let mut done = 0;
    poll("there is room again", || {
        done += 1;
        stack.report(job, EventKind::Progress { done, total: 1_000_000 })?;
        Ok(open()?.map(|_| ()))
    })?;
    Ok(slow)
}

fn sockets_are_bounded(stack: &Stack, client: &Client, job: &Value, mut stream: EventStream) -> Result<()> {
    let authorization = format!("Bearer {}", client.key());
    let headers = [("authorization", authorization.as_str())];
    let path = format!("/v1/jobs/{}/events", id(job)?);
    let slow = Socket::open(stack, &path, &headers)?;
    let mut quick = Socket::open(stack, "/v1/events", &headers)?;
    let refused = Socket::open(stack, "/v1/events", &headers).err().map(|error| format!("{error:#}"));
    ensure!(refused.as_ref().is_some_and(|why| why.contains("429")), "{refused:?}");

    // Nobody reads what one of them is told. Both would know the job's every step.
    let mut reports = 0;
    while !stack.logs()?.contains("socket-cut-off") {
        reports += 1;
        ensure!(reports <= MOST_REPORTS, "everything is kept for who does not read");
        let first = 1_000 + reports * STEPS;
        let steps = (first..first + STEPS).map(|done| EventKind::Progress { done, total: 1_000_000 });
        stack.report_at(job, now_ms()?, steps.collect())?;
    }
    let mut slow = slow;
    ensure!(slow.hear_end()? == 1013, "cut off with another code");
    // There is room for another, which is told where the job stands; the quick one has not been disturbed.
    let mut next =
        poll("there is room again", || Ok(Socket::open(stack, &path, &headers).map_err(|e| format!("{e:#}"))))?;
    ensure!(next.hear_job()?["event"] == "progress");
    quick.say(&json!({ "watch": [id(job)?] }))?;
    ensure!(quick.hear_job()?["event"] == "progress");
    stack.report(job, EventKind::Succeeded { media_type: "text/plain".to_owned(), bytes: 1, device_ms: 1.0 })?;
    for socket in [&mut next, &mut quick] {
        ensure!(socket.hear_job()?["event"] == "succeeded");
    }

    // A stream remembers a number and nothing else: who reads late is told the last steps and the end.
    let lines = stream.until("event: succeeded")?;
    let kept = lines.iter().filter(|line| *line == "event: progress").count();
    ensure!(kept < (reports * STEPS / 10) as usize, "{kept} events were kept for {} steps", reports * STEPS);
    Ok(())
}
