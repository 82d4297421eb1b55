//! What is erased is in no bucket, no table and no cache any more; the bill's numbers are, and a receipt says what remains.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use forebay_xtask::{repository::Repository, setup::node};
use serde_json::{Value, json};

use crate::{
    client::{Client, id, poll},
    stack::{Hall, Options, Stack, fixture, now_ms},
};

const PLAN: &str = r#"
[plans.keeps-nothing]
class = "free"
cached = "free"
retention = { input = "end", result = "once" }
limits = [{ name = "submit", dimension = "account", algorithm = "token-bucket", quantity = 1000, window = "1m", unit = "requests" }]
"#;

const SECRET: &str = "Nobody may find this sentence afterwards.";

/// Prints every row of every table of databases.
const DUMP: &str = r#"
const { DatabaseSync } = require("node:sqlite");
for (const path of process.argv.slice(1)) {
  const database = new DatabaseSync(path, { readOnly: true });
  for (const { name } of database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()) {
    console.log(name, JSON.stringify(database.prepare(`SELECT * FROM "${name}"`).all()));
  }
}
"#;

pub fn check(hall: &Hall) -> Result<()> {
    let shipped = fs::read_to_string(hall.path("catalog/plans.toml"))?;
    let mut stack = hall.own("erased", &Options { plans: Some(shipped + PLAN), ..Options::default() })?;
    stack.start_worker(&[])?;
    let client = stack.new_client("erased", "free")?;
    a_job_is_erased(&stack, &client)?;
    everything_is_erased(&mut stack, &client)?;
    let client = stack.new_client("keeps-nothing", "keeps-nothing")?;
    nothing_is_kept(&mut stack, &client)
}

fn question() -> Value {
    json!({"model": "all-minilm-l6-v2", "input": {"text": SECRET}})
}

fn a_job_is_erased(stack: &Stack, client: &Client) -> Result<()> {
    let key = [("idempotency-key", "the-secret-one")];
    let job = client.submit_with(&question(), &key)?.expect(202)?.json()?;
    // Twice, so that every cache on the way has it.
    let first = client.result(&job)?.json()?;
    ensure!(client.result(&job)?.json()? == first);
    let picture = fixture("chelsea.png")?;
    let picture = client.submit_bare("efficientnet-lite0", "image/png", &picture)?.expect(202)?.json()?;
    client.result(&picture)?;
    let stored = |prefix: &str| stack.deployment().stored(prefix);
    ensure!(stored("inputs/")?.len() == 1 && stored("results/")?.len() == 2, "there is something to be erased");

    let before = client.finished(&job)?;
    let receipt = erased(client, &job)?;
    ensure!(erased(client, &job)? == receipt, "asked again it says the same");
    erased(client, &picture)?;
    for prefix in ["inputs/", "results/", "failures/", "attempts/"] {
        ensure!(stored(prefix)?.is_empty(), "{prefix} {:?}", stored(prefix)?);
    }
    let after = client.job(&job)?;
    ensure!(after["erased_ms"] == receipt["erased_ms"] && after["parameters"] == json!({}), "{after}");
    for field in ["status", "model", "cost_ms", "device_ms"] {
        ensure!(after[field] == before[field], "{field}: {after}");
    }
    let path = format!("/v1/jobs/{}", id(&job)?);
    client.get(&format!("{path}/result"))?.expect_problem(410, "job-erased")?;
    client.ask("POST", &format!("{path}/retry"), None)?.expect_problem(410, "job-erased")?;
    let replayed = client.submit_with(&question(), &key)?.expect(200)?.json()?;
    ensure!(id(&replayed)? == id(&job)? && replayed.get("result").is_none(), "{replayed}");
    ensure!(client.get("/v1/usage")?.expect(200)?.json()?["days"].as_array().is_some_and(|days| !days.is_empty()));

    // No cache answers: the same question is a job of its own, and a worker runs it.
    let again = client.accepted(&question())?;
    ensure!(id(&again)? != id(&job)?, "{again}");
    let again = client.finished(&again)?;
    ensure!(again["cached"] == false && again["device_ms"].is_number(), "{again}");
    Ok(())
}

/// Erases a job, and waits for the bucket.
fn erased(client: &Client, job: &Value) -> Result<Value> {
    let path = format!("/v1/jobs/{}", id(job)?);
    poll("it is erased", || {
        let receipt = client.ask("DELETE", &path, None)?.json()?;
        Ok(if receipt["complete"] == true { Ok(receipt) } else { Err(receipt) })
    })
}

fn everything_is_erased(stack: &mut Stack, client: &Client) -> Result<()> {
    client.get("/v1/account/data")?.expect_problem(404, "erasure-not-found")?;
    let hook =
        client.ask("POST", "/v1/webhooks", Some(&json!({"url": "http://127.0.0.1:9/hook"})))?.expect(201)?.json()?;
    let secret = hook["secret"].as_str().context("no secret")?.to_owned();
    // Its message waits in the object, with the input.
    let mut later = question();
    later["not_before_ms"] = (now_ms()? + 3_600_000).into();
    later["input"]["text"] = format!("{SECRET} Later.").into();
    let later = client.accepted(&later)?;
    let there = tables(stack)?;
    ensure!(
        holds(&there) && there.contains(&secret),
        "the tables hold no message: what is looked for below would not be found"
    );

    let begun = client.ask("DELETE", "/v1/account/data", None)?.expect(202)?.json()?;
    // What comes meanwhile is not touched.
    let kept = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": "This one may stay."}}))?;
    let receipt = poll("all is erased", || {
        let receipt = client.get("/v1/account/data")?.expect(200)?.json()?;
        Ok(if receipt["complete"] == true { Ok(receipt) } else { Err(receipt) })
    })?;
    ensure!(receipt["started_ms"] == begun["started_ms"] && receipt["jobs"].as_u64() >= Some(2), "{receipt}");
    ensure!(client.job(&later)?["status"] == "canceled", "{}", client.job(&later)?);
    client.result(&kept)?;
    let results = stack.deployment().stored("results/")?;
    ensure!(results.len() == 1, "the one that was submitted meanwhile alone: {results:?}");
    ensure!(stack.deployment().stored("inputs/")?.is_empty());

    ensure!(client.get("/v1/webhooks")?.expect(200)?.json()?["webhooks"] == json!([]), "a webhook is left");

    let left = tables(stack)?;
    ensure!(!holds(&left) && !left.contains(&secret), "the tables still hold what was erased");
    ensure!(left.contains(id(&later)?), "rows with numbers are kept");
    client.result(&kept)?;
    Ok(())
}

/// Zero retention: an input goes with the job's end, a result with its first delivery.
fn nothing_is_kept(stack: &mut Stack, client: &Client) -> Result<()> {
    let results = stack.deployment().stored("results/")?.len();
    let picture = fixture("coffee.png")?;
    let submit = || client.submit_bare("efficientnet-lite0", "image/png", &picture)?.expect(202)?.json();
    let (job, other) = (submit()?, submit()?);
    ensure!(id(&job)? != id(&other)?, "equal questions share nothing");
    for job in [&job, &other] {
        client.finished(job)?;
    }
    poll("no input is kept", || {
        let inputs = stack.deployment().stored("inputs/")?;
        Ok(if inputs.is_empty() { Ok(()) } else { Err(inputs) })
    })?;
    let path = |job| Ok::<_, anyhow::Error>(format!("/v1/jobs/{}/result", id(job)?));
    // Looking at it delivers nothing.
    let head = client.ask("HEAD", &path(&job)?, None)?.expect(200)?;
    ensure!(head.must("cache-control")? == "no-store");
    for job in [&job, &other] {
        let delivered = client.get(&path(job)?)?.expect(200)?;
        ensure!(delivered.must("cache-control")? == "no-store" && !delivered.body.is_empty());
        poll("it was delivered once", || {
            let again = client.get(&path(job)?)?;
            Ok(if again.status == 410 { again.expect_problem(410, "job-erased").map(Ok)? } else { Err(again.status) })
        })?;
    }
    poll("no result is kept", || {
        let left = stack.deployment().stored("results/")?;
        Ok(if left.len() == results { Ok(()) } else { Err(left) })
    })?;
    ensure!(client.job(&job)?["erased_ms"].is_number() && client.job(&job)?["device_ms"].is_number());
    // And a text's message, which lay in the object.
    let text = client.accepted(&question())?;
    client.result(&text)?;
    poll("its row has numbers alone", || {
        let job = client.job(&text)?;
        Ok(if job["erased_ms"].is_number() { Ok(()) } else { Err(job) })
    })?;
    ensure!(!holds(&tables(stack)?), "the tables hold what was to be kept until its delivery");
    Ok(())
}

/// Whether rows hold the text, in its own letters or as messages have it.
fn holds(rows: &str) -> bool {
    // A text that begins with the secret begins with this; the last letters depend on what follows.
    let encoded = BASE64_STANDARD.encode(SECRET);
    rows.contains(SECRET) || encoded.get(..encoded.len() - 4).is_some_and(|encoded| rows.contains(encoded))
}

/// Every row of the accounts' objects.
fn tables(stack: &mut Stack) -> Result<String> {
    let mut dumped = String::new();
    stack.while_edge_is_down(|state| {
        let output = Command::new(node(&Repository::find()?)?)
            .args(["--experimental-sqlite", "--disable-warning=ExperimentalWarning", "--eval", DUMP])
            .args(databases(state)?)
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        dumped = String::from_utf8(output.stdout)?;
        Ok(())
    })?;
    Ok(dumped)
}

fn databases(state: &Path) -> Result<Vec<PathBuf>> {
    let objects = fs::read_dir(state.join("v3/do"))?.flatten().map(|entry| entry.path());
    let folder = objects.filter(|path| path.to_string_lossy().ends_with("-Account")).last().context("no accounts")?;
    let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let found: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "sqlite")).collect();
    ensure!(!found.is_empty(), "no databases");
    Ok(found)
}
