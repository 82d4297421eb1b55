//! One WebSocket follows many jobs as they move, and nobody else's; what is said too much is cut off.

use anyhow::{Result, ensure};
use forebay_contract::EventKind;
use serde_json::{Value, json};

use crate::{
    client::{Client, id},
    socket::Socket,
    stack::{Hall, Stack, words},
};

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.idle()?;
    let caller = stack.new_client("socketeer", "pro")?;
    let jobs: Vec<Value> = (0..100)
        .map(|n| caller.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 7)}})))
        .collect::<Result<_>>()?;
    let ids: Vec<&str> = jobs.iter().map(id).collect::<Result<_>>()?;

    // As a browser does: the key is in the subprotocols, and is not said back.
    let offer = format!("forebay.v1, forebay.bearer.{}", caller.key());
    let mut socket = Socket::open(stack, "/v1/events", &[("sec-websocket-protocol", &offer)])?;
    ensure!(socket.protocol.as_deref() == Some("forebay.v1"), "{:?}", socket.protocol);
    for ids in ids.chunks(50) {
        socket.say(&json!({ "watch": ids }))?;
    }
    for _ in 0..100 {
        let news = socket.hear_job()?;
        ensure!(news["event"] == "queued" && news["job"]["queue"]["position"].is_u64() || news["id"] == 1, "{news}");
    }

    // All of one job, in order; what ended is not watched any more.
    stack.report(&jobs[0], EventKind::Started { batch_size: 1 })?;
    stack.report(&jobs[0], EventKind::Progress { done: 1, total: 2 })?;
    stack.report(&jobs[1], EventKind::Started { batch_size: 1 })?;
    stack.report(&jobs[0], EventKind::Succeeded { media_type: "image/png".to_owned(), bytes: 1, device_ms: 1.0 })?;
    let mut heard = Vec::new();
    while heard.len() < 4 {
        let news = socket.hear_job()?;
        if news["event"] != "queued" {
            heard.push((news["job"]["id"].clone(), news["event"].clone(), news["id"].clone()));
        }
    }
    let of = |n: usize, event: &str, number: u64| (json!(ids[n]), json!(event), json!(number));
    let expect = [of(0, "running", 2), of(0, "progress", 3), of(1, "running", 2), of(0, "succeeded", 4)];
    ensure!(heard == expect, "{heard:?}");

    // A hundred open jobs are watched at most; what is malformed, foreign or no wish is named.
    let more = caller.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(100, 7)}}))?;
    let one_too_many = caller.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(101, 7)}}))?;
    socket.say(&json!({ "watch": [id(&more)?] }))?;
    socket.say(&json!({ "watch": [id(&one_too_many)?] }))?;
    ensure!(socket.hear_problem()?["code"] == "too-many-watched");
    let stranger = stack.new_client("stranger-with-a-job", "pro")?;
    let foreign = stranger.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(7, 7)}}))?;
    socket.say(&json!({ "unwatch": [ids[5]], "watch": [id(&foreign)?] }))?;
    ensure!(socket.hear_problem()?["code"] == "job-not-found");
    socket.say(&json!({ "watch": ["job_x"] }))?;
    ensure!(socket.hear_problem()?["code"] == "malformed-job-id");
    socket.say(&json!({ "subscribe": [] }))?;
    ensure!(socket.hear_problem()?["code"] == "malformed-json");
    socket.say(&json!({ "watch": ["x".repeat(5_000)] }))?;
    ensure!(socket.hear_problem()?["code"] == "message-too-large");
    ensure!(socket.hear_end()? == 1009, "a message that is too large does not end the socket");

    one_job_is_watched(stack, &caller, &jobs[2])?;
    strangers_hear_nothing(stack, &caller, &foreign)
}

/// One that watches a job already, with the key where programs put it.
fn one_job_is_watched(stack: &Stack, caller: &Client, job: &Value) -> Result<()> {
    let authorization = format!("Bearer {}", caller.key());
    let path = format!("/v1/jobs/{}/events", id(job)?);
    let mut socket = Socket::open(stack, &path, &[("authorization", &authorization)])?;
    ensure!(socket.hear_job()?["job"]["id"] == job["id"]);
    caller.cancel(job)?;
    let news = loop {
        let news = socket.hear_job()?;
        if news["event"] != "queued" {
            break news;
        }
    };
    ensure!(news["event"] == "canceled" && news["job"]["status"] == "canceled", "{news}");
    // More than twice what may be said in ten seconds: one ten seconds may end and the next begin among them.
    for n in 0..130 {
        if socket.say(&json!({ "unwatch": [n.to_string()] })).is_err() {
            break;
        }
    }
    ensure!(socket.hear_end()? == 1008, "who talks without end is not cut off");
    Ok(())
}

fn strangers_hear_nothing(stack: &Stack, caller: &Client, foreign: &Value) -> Result<()> {
    let authorization = format!("Bearer {}", caller.key());
    for (path, headers, status) in [
        ("/v1/events", vec![("sec-websocket-protocol", "forebay.v1, forebay.bearer.fb_0")], 401),
        ("/v1/events", vec![("authorization", "Bearer nonsense")], 401),
        ("/v1/jobs/job_x/events", vec![("authorization", authorization.as_str())], 400),
    ] {
        let refused = Socket::open(stack, path, &headers).err().map(|error| format!("{error:#}"));
        ensure!(refused.as_ref().is_some_and(|why| why.contains(&status.to_string())), "{path} {refused:?}");
    }
    let path = format!("/v1/jobs/{}/events", id(foreign)?);
    let refused = Socket::open(stack, &path, &[("authorization", &authorization)]).err().map(|e| format!("{e:#}"));
    ensure!(refused.as_ref().is_some_and(|why| why.contains("404")), "{refused:?}");
    Ok(())
}
