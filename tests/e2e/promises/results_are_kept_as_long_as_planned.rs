//! A result is there for the days that its plan keeps it, and 410 afterwards; then the same submission is a new job.

use anyhow::{Result, ensure};
use forebay_contract::{EventKind, JobId};
use serde_json::{Value, json};

use crate::{
    client::{Client, id, text},
    stack::{Hall, Stack, now_ms, words},
};

pub const PLANS: &str = r#"
[plans.keeps-a-day]
class = "free"
keep_days = 1
limits = [{ name = "submit", dimension = "account", algorithm = "token-bucket", quantity = 1000, window = "1m", unit = "requests" }]
"#;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.idle()?;
    let short = stack.new_client("keeps-a-day", "keeps-a-day")?;
    let long = stack.new_client("keeps-for-long", "pro")?;

    let young = succeeded(stack, &short, 1, now_ms()? - 23 * HOUR_MS)?;
    ensure!(result(&short, &young)?.expect(200)?.json()? == stored(1));
    // By another plan the same age is none.
    let other = succeeded(stack, &long, 2, now_ms()? - 25 * HOUR_MS)?;
    ensure!(result(&long, &other)?.expect(200)?.json()? == stored(2));

    let old = succeeded(stack, &short, 2, now_ms()? - 25 * HOUR_MS)?;
    ensure!(short.job(&old)?["status"] == "succeeded", "gone before anybody asked");
    for _ in 0..2 {
        result(&short, &old)?.expect_problem(410, "job-expired")?;
    }
    // One plan shows it no longer; another may, and nothing of it is gone.
    ensure!(short.job(&old)?["status"] == "succeeded", "{}", short.job(&old)?);
    let again = short.submit(&embed(2))?.expect(200)?.json()?;
    ensure!(id(&again)? != id(&old)? && again["cached"] == true, "{again}");
    ensure!(result(&short, &again)?.expect(200)?.json()? == stored(2));

    // Jobs themselves are kept for a week: who asks for one of eight days ago is told that it was, not that it never was.
    let shard = id(&young)?.parse::<JobId>()?.shard();
    for (age_ms, status, code) in [(8 * DAY_MS, 410, "job-expired"), (6 * DAY_MS, 404, "job-not-found")] {
        let job = JobId::new(now_ms()? - age_ms, [7; 10], shard);
        for path in [format!("/v1/jobs/{job}"), format!("/v1/jobs/{job}/result"), format!("/v1/jobs/{job}/events")] {
            short.get(&path)?.expect_problem(status, code)?;
        }
    }
    Ok(())
}

/// A job that ended at `at_ms`, by its worker's clock.
fn succeeded(stack: &Stack, client: &Client, n: usize, at_ms: u64) -> Result<Value> {
    let digest = client.foretold(&embed(n))?;
    let job = client.accepted(&embed(n))?;
    let result = stored(n).to_string();
    stack.store_result(text(&digest, "digest")?, "application/json", result.as_bytes())?;
    let bytes = result.len() as u64;
    let kind = EventKind::Succeeded { media_type: "application/json".to_owned(), bytes, device_ms: 1.0 };
    stack.report_at(&job, at_ms, vec![kind])?;
    Ok(job)
}

fn result(client: &Client, job: &Value) -> Result<crate::client::Answer> {
    client.get(&format!("/v1/jobs/{}/result", id(job)?))
}

fn embed(n: usize) -> Value {
    json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 13)}})
}

fn stored(n: usize) -> Value {
    json!({ "embedding": [n] })
}
