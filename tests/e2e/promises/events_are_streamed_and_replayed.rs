//! Who listens to a job hears everything that happens to it, in order, and after a break what was missed.

use std::thread;

use anyhow::{Context as _, Result, ensure};
use forebay_contract::EventKind;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, Request, id, poll},
    stack::{Hall, Stack, words},
};

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.idle()?;
    let client = stack.new_client("listener", "pro")?;
    let job = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(1, 9)}}))?;
    let path = format!("/v1/jobs/{}/events", id(&job)?);

    // Listening begins before anything happens, and ends by itself.
    let (listener, address) = (client.clone(), path.clone());
    let listening = thread::spawn(move || listen(&listener, &address, None));
    // A worker has a message only after it was sent.
    poll("the message has left", || {
        let job = client.job(&job)?;
        Ok(if job["timeline"]["sent_ms"].is_u64() { Ok(()) } else { Err(job) })
    })?;
    stack.report(&job, EventKind::Received)?;
    // Its position is answered until it runs.
    let queue = client.job(&job)?["queue"].clone();
    ensure!(
        queue["position"].as_u64() >= Some(1) && queue["eta_ms"]["p90"].as_u64() >= queue["eta_ms"]["p50"].as_u64()
    );
    ensure!(queue["lane"] == "paid-light", "{queue}");
    stack.report(&job, EventKind::Started { batch_size: 3 })?;
    let waited = client.get(&format!("/v1/jobs/{}", id(&job)?))?.expect(200)?;
    ensure!(waited.json()?["queue"].is_null() && waited.json()?["status"] == "running", "{waited:?}");
    for done in [1, 2, 2, 1, 4] {
        stack.report(&job, EventKind::Progress { done, total: 4 })?;
    }
    ensure!(client.job(&job)?["progress"] == json!({"done": 4, "total": 4}));
    stack.report(&job, EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 2, device_ms: 1.0 })?;
    let answer = listening.join().map_err(|_| anyhow::anyhow!("the listener panicked"))??;
    ensure!(answer.must("content-type")?.starts_with("text/event-stream"), "{answer:?}");
    ensure!(answer.must("x-accel-buffering")? == "no", "a proxy would gather it: {answer:?}");
    let heard = events(&answer)?;
    let names: Vec<&str> = heard.iter().map(|(_, name, _)| name.as_str()).collect();
    ensure!(names.first() == Some(&"queued") && names.last() == Some(&"succeeded"), "{names:?}");
    ensure!(names.contains(&"running"), "{names:?}");
    let ids: Vec<u64> = heard.iter().map(|(id, _, _)| *id).collect();
    ensure!(ids.is_sorted(), "{ids:?}");
    for (_, name, job) in &heard {
        let status = if name == "progress" { "running" } else { name };
        ensure!(job["status"] == status, "{name}: {job}");
    }

    // Again from the beginning, and from the middle; steps are no news once the job has ended.
    let all = events(&listen(&client, &path, None)?)?;
    let names: Vec<&str> = all.iter().map(|(_, name, _)| name.as_str()).collect();
    ensure!(names == ["queued", "running", "succeeded"], "{names:?}");
    let (running, _, _) = all.get(1).context("no running")?;
    let rest = events(&listen(&client, &path, Some(&running.to_string()))?)?;
    ensure!(rest == all.get(2..).unwrap_or_default(), "{rest:?}");
    ensure!(rest[0].2["progress"] == json!({"done": 4, "total": 4}), "{rest:?}");
    // Who knows the end is told not to come back.
    let (last, _, _) = all.last().context("no end")?;
    ensure!(listen(&client, &path, Some(&last.to_string()))?.status == 204);

    nothing_else_is_listened_to(stack, &client, &job)?;
    stages_are_shown(&client, &job)
}

fn nothing_else_is_listened_to(stack: &Stack, client: &Client, job: &Value) -> Result<()> {
    let path = format!("/v1/jobs/{}/events", id(job)?);
    // A foreign id is an unknown one, and what is no id or number is said to be none.
    let stranger = stack.new_client("stranger-who-listens", "pro")?;
    let foreign = stranger.get(&path)?.expect_problem(404, "job-not-found")?;
    // One of our own that never was: the same but for a random character.
    let (before, after) = id(job)?.split_at(24);
    let other = if after.starts_with('a') { 'b' } else { 'a' };
    let other = format!("/v1/jobs/{before}{other}{}/events", after.get(1..).unwrap_or_default());
    let unknown = client.get(&other)?.expect_problem(404, "job-not-found")?;
    ensure!(unknown["detail"] == foreign["detail"], "{unknown} and {foreign}");
    client.get("/v1/jobs/job_x/events")?.expect_problem(400, "malformed-job-id")?;
    listen(client, &path, Some("x"))?.expect_problem(400, "invalid-header")?;
    client.get("/v1/events")?.expect_problem(426, "upgrade-required").map(drop)
}

/// The stages stand in the job for people, and in a header for tools.
fn stages_are_shown(client: &Client, job: &Value) -> Result<()> {
    let answer = client.get(&format!("/v1/jobs/{}", id(job)?))?.expect(200)?;
    let stages = answer.json()?["timeline"]["stages"].clone();
    for stage in ["edge", "admission", "outbox", "lane", "worker", "infer", "store"] {
        ensure!(stages[stage].is_u64(), "{stage}: {stages}");
        ensure!(answer.must("server-timing")?.contains(&format!("{stage};dur=")), "{answer:?}");
    }
    let timeline = answer.json()?["timeline"].clone();
    ensure!(timeline["batch"]["size"] == 3, "{answer:?}");
    ensure!(answer.must("server-timing")?.contains(", 3 jobs\""), "{answer:?}");
    // And what happened when.
    let steps = timeline["events"].as_array().context("no events")?;
    let names: Vec<_> = steps.iter().filter_map(|step| step["event"].as_str()).collect();
    let times: Vec<_> = steps.iter().filter_map(|step| step["at_ms"].as_u64()).collect();
    ensure!(names == ["queued", "running", "succeeded"] && times.len() == 3, "{timeline}");
    ensure!(steps[1]["at_ms"] == timeline["started_ms"] && steps[1]["attempt"] == 1, "{timeline}");
    Ok(())
}

fn listen(client: &Client, path: &str, after: Option<&str>) -> Result<Answer> {
    let after: Vec<_> = after.map(|id| ("last-event-id", id)).into_iter().collect();
    let headers = [&[("accept", "text/event-stream")], after.as_slice()].concat();
    client.send(&Request { method: "GET", path, headers: &headers, body: None })
}

/// Number, name and job of each event.
fn events(answer: &Answer) -> Result<Vec<(u64, String, Value)>> {
    ensure!(answer.status == 200, "{answer:?}");
    let text = String::from_utf8(answer.body.clone())?;
    let blocks = text.split("\n\n").filter(|block| block.starts_with("id: "));
    blocks
        .map(|block| {
            let field = |name: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(name));
                line.with_context(|| format!("no {name} in {block}"))
            };
            Ok((field("id: ")?.parse()?, field("event: ")?.to_owned(), serde_json::from_str(field("data: ")?)?))
        })
        .collect()
}
