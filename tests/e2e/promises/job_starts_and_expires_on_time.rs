//! A job starts no earlier than it may, and is not run, nor billed, when it has not started by its deadline.

use anyhow::{Context as _, Result, ensure};
use forebay_contract::{EventKind, JobState};
use serde_json::{Value, json};

use crate::{
    client::{id, poll},
    stack::{Hall, now_ms, words},
    whole_day::begins_clear_of_midnight,
};

const DELAY_MS: u64 = 5_000;
/// How long it is until a job expires: long enough for a slow machine to begin one before.
const DUE_MS: u64 = 6_000;

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    let stack = hall.idle()?;
    let client = stack.new_client("punctual", "pro")?;
    let embed = |n: usize, more: &Value| {
        let mut job = json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 11)}});
        for (name, value) in more.as_object().into_iter().flatten() {
            job[name] = value.clone();
        }
        job
    };

    // Not before: the message stays here, and the job says so.
    let start_ms = now_ms()? + DELAY_MS;
    let delayed = client.accepted(&embed(0, &json!({ "not_before_ms": start_ms })))?;
    ensure!(delayed["not_before_ms"] == start_ms, "{delayed}");
    let eta_ms = delayed["queue"]["eta_ms"]["p50"].as_u64().with_context(|| delayed.clone())?;
    ensure!(now_ms()? + eta_ms >= start_ms, "expected before it starts at {start_ms}: {delayed}");
    // The same without a start is another job, which goes at once.
    let now = client.accepted(&embed(0, &json!({})))?;
    ensure!(now["id"] != delayed["id"], "{now}");
    let sent = |job: &Value| -> Result<Option<u64>> { Ok(client.job(job)?["timeline"]["sent_ms"].as_u64()) };
    poll("the one has left", || Ok(sent(&now)?.ok_or("not sent")))?;
    ensure!(sent(&delayed)?.is_none() || now_ms()? >= start_ms, "it left too early");
    let sent_ms = poll("the other has left", || Ok(sent(&delayed)?.ok_or("not sent")))?;
    ensure!(sent_ms >= start_ms, "{sent_ms} is before {start_ms}");

    // One that is called off before never goes.
    let unwanted = client.accepted(&embed(1, &json!({ "not_before_ms": now_ms()? + 3_600_000 })))?;
    ensure!(client.cancel(&unwanted)?["status"] == "canceled");

    // Too late: it expires, whoever would begin it is told, and nothing is billed.
    let in_time = client.accepted_due(&embed(3, &json!({})), DUE_MS)?;
    stack.report(&in_time, EventKind::Started { batch_size: 1 })?;
    // Due after the other one: when it has expired, that one could have.
    let late = client.accepted_due(&embed(2, &json!({})), DUE_MS)?;
    ensure!(late["deadline_ms"].as_u64() >= in_time["deadline_ms"].as_u64(), "{late} {in_time}");
    let ended = client.finished(&late)?;
    ensure!(ended["status"] == "expired" && ended["timeline"]["started_ms"].is_null(), "{ended}");
    ensure!(ended["timeline"]["finished_ms"].as_u64() >= ended["deadline_ms"].as_u64(), "{ended}");
    let answer = stack.report(&late, EventKind::Received)?;
    ensure!(answer.canceled.iter().any(|named| id(&late).is_ok_and(|id| named.to_string() == id)), "{answer:?}");
    ensure!(client.job(&in_time)?["status"] == "running", "what had begun was stopped");
    let usage = client.get("/v1/usage")?.expect(200)?.json()?;
    let row = usage["days"][0].clone();
    ensure!(row[JobState::Expired.name()] == 1 && row["device_ms"].as_f64() == Some(0.0), "{usage}");
    client.get(&format!("/v1/jobs/{}/result", id(&late)?))?.expect_problem(410, "job-expired")?;

    for (field, value, code) in [
        ("not_before_ms", json!(now_ms()? + 30 * 86_400_000), "invalid-not-before"),
        ("not_before_ms", json!(now_ms()? / 1000 + 60), "invalid-not-before"),
        ("not_before_ms", json!(0), "invalid-not-before"),
        ("not_before_ms", json!("soon"), "invalid-not-before"),
        ("not_before_ms", json!(-1), "invalid-not-before"),
        ("not_before_ms", json!(1.5), "invalid-not-before"),
    ] {
        client.submit(&embed(4, &json!({ field: value })))?.expect_problem(422, code).with_context(|| value.clone())?;
    }
    let both = json!({ "not_before_ms": now_ms()? + 20_000, "deadline_ms": now_ms()? + 10_000 });
    client.submit(&embed(4, &both))?.expect_problem(422, "invalid-not-before")?;
    Ok(())
}
