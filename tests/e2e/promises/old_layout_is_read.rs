//! What an account's object stored in its first layout is read by the present code: no job is lost by a deployment.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use forebay_contract::{EventKind, FailureCode};
use forebay_xtask::{repository::Repository, setup::node};
use serde_json::{Value, json};

use crate::{
    client::{Client, Request, id, poll, text},
    stack::{Hall, Infra, Options, Stack, words},
    whole_day::begins_clear_of_midnight,
};

/// What was answered of a job before there was more to answer.
const FIELDS: [&str; 12] = [
    "id",
    "status",
    "model",
    "version",
    "lane",
    "cost_ms",
    "attempt",
    "parameters",
    "batch_size",
    "device_ms",
    "worker",
    "failure",
];

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    let options = Options { infra: Infra::Common, ..Options::default() };
    let mut stack = hall.own("layout", &options)?;
    let client = stack.client("layout")?;
    let jobs = a_job_of_every_kind(&stack, &client)?;
    let before: Vec<Value> = jobs.iter().map(|job| client.job(job)).collect::<Result<_>>()?;
    let spent = client.used("monthly")?;

    let (waiting, running) = (id(&jobs[0])?.to_owned(), &jobs[1]);
    let script = hall.path("tests/fixtures/account_v1");
    stack.while_edge_is_down(|state| rewrite(state, &script, &waiting))?;

    for (job, before) in jobs.iter().zip(&before) {
        let now = client.job(job)?;
        for field in FIELDS {
            ensure!(now[field] == before[field], "{field} was {} and is {}: {now}", before[field], now[field]);
        }
        for field in ["accepted_ms", "received_ms", "started_ms", "finished_ms"] {
            ensure!(now["timeline"][field] == before["timeline"][field], "{field}: {before} became {now}");
        }
    }
    let listed = client.get("/v1/jobs?limit=100")?.expect(200)?.json()?;
    ensure!(listed["jobs"].as_array().map(Vec::len) == Some(jobs.len()), "{listed}");
    ensure!(client.used("monthly")? == spent, "what was spent is forgotten");
    // Nobody noted what happened to them; how they ended is known.
    let ended =
        Request { method: "GET", path: &events(&jobs[2])?, headers: &[("accept", "text/event-stream")], body: None };
    let events = String::from_utf8(client.send(&ended)?.expect(200)?.body)?;
    ensure!(events.contains("event: queued") && events.contains("event: succeeded"), "{events}");
    client.get(&format!("/v1/jobs/{}/result", id(&jobs[2])?))?.expect(200)?;

    // They go on: what ran ends and is counted, what waited leaves, what was decided under a key stays decided.
    stack.report(running, succeeded())?;
    ensure!(client.job(running)?["status"] == "succeeded");
    let usage = client.get("/v1/usage")?.expect(200)?.json()?;
    ensure!(usage["days"][0]["succeeded"] == 1, "{usage}");
    let key = [("idempotency-key", "layout")];
    let again = client.submit_with(&embed(0), &key)?.expect(202)?.json()?;
    ensure!(id(&again)? == waiting, "{again}");
    client.accepted(&embed(9))?;
    poll("what waited has left", || {
        let job = client.job(&jobs[0])?;
        Ok(if job["timeline"]["sent_ms"].is_u64() { Ok(()) } else { Err(job) })
    })?;
    let retried = client.send(&Request {
        method: "POST",
        path: &format!("/v1/jobs/{}/retry", id(&jobs[3])?),
        ..Request::default()
    })?;
    // Its message was not kept by that layout, so there is nothing to run again; that is said, and nothing breaks.
    ensure!(retried.status < 500, "{retried:?}");
    Ok(())
}

/// Queued, running, succeeded, failed, canceled and expired.
fn a_job_of_every_kind(stack: &Stack, client: &Client) -> Result<Vec<Value>> {
    let first = client.submit_with(&embed(0), &[("idempotency-key", "layout")])?.expect(202)?.json()?;
    let mut jobs = vec![first];
    for n in 1..6 {
        jobs.push(client.accepted(&embed(n))?);
    }
    for job in &jobs[1..4] {
        stack.report(job, EventKind::Received)?;
        stack.report(job, EventKind::Started { batch_size: 2 })?;
    }
    let digest = text(&client.foretold(&embed(2))?, "digest")?.to_owned();
    stack.store_result(&digest, "application/json", br#"{"embedding":[1]}"#)?;
    stack.report(&jobs[2], succeeded())?;
    stack.report(&jobs[3], EventKind::Failed { code: FailureCode::ExecutionFailed, detail: "it broke".to_owned() })?;
    client.cancel(&jobs[4])?;
    // Nothing is stored, so who asks for it is told that it is gone.
    stack.report(&jobs[5], succeeded())?;
    client.get(&format!("/v1/jobs/{}/result", id(&jobs[5])?))?.expect_problem(410, "job-expired")?;
    let states = ["queued", "running", "succeeded", "failed", "canceled", "expired"];
    for (job, state) in jobs.iter().zip(states) {
        ensure!(client.job(job)?["status"] == state, "{state}: {}", client.job(job)?);
    }
    // A key that is revoked: the object keeps that too.
    let made = stack.operate("POST", "/internal/v1/keys", Some(&json!({"account": "layout", "plan": "pro"})))?;
    let path = format!("/internal/v1/keys/{}", text(&made.expect(201)?.json()?, "id")?);
    stack.operate("DELETE", &path, None)?.expect(200)?;
    Ok(jobs)
}

/// Writes the account's database anew in its first layout; `waiting` has not left it.
fn rewrite(state: &Path, script: &Path, waiting: &str) -> Result<()> {
    let objects = fs::read_dir(state.join("v3/do"))?.flatten().map(|entry| entry.path());
    let folder = objects.filter(|path| path.to_string_lossy().ends_with("-Account")).last().context("no accounts")?;
    let databases = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let is_object = |path: &Path| {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        path.extension().is_some_and(|end| end == "sqlite") && stem.len() == 64
    };
    let databases: Vec<_> = databases.filter(|path| is_object(path)).collect();
    ensure!(databases.len() == 1, "not one account: {databases:?}");
    let output = Command::new(node(&Repository::find()?)?)
        .args(["--experimental-sqlite", "--disable-warning=ExperimentalWarning"])
        .arg(script.join("rewrite.mjs"))
        .args(&databases)
        .arg(script.join("schema.sql"))
        .arg(waiting)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout)?;
    let rows: Value = serde_json::from_str(&stdout).with_context(|| stdout.clone())?;
    for (table, least) in [("jobs", 6), ("outbox", 1), ("limits", 1), ("idempotency", 1), ("revoked_keys", 1)] {
        ensure!(rows[table].as_u64() >= Some(least), "too little was rewritten: {rows}");
    }
    Ok(())
}

fn succeeded() -> EventKind {
    EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 17, device_ms: 2.5 }
}

fn events(job: &Value) -> Result<String> {
    Ok(format!("/v1/jobs/{}/events", id(job)?))
}

fn embed(n: usize) -> Value {
    json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 19)}})
}
