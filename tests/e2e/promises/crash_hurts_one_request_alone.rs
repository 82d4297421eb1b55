//! A panic in the edge's program ends one request; the next ones get a new program, in the Worker as in its objects.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use forebay_xtask::stack::Http;
use serde_json::json;

use crate::stack::{Hall, Infra, Options, words};

pub fn check(hall: &Hall) -> Result<()> {
    let around = Some(hall.path("tests/fixtures/crash.mjs"));
    let stack = hall.own("crash", &Options { around, infra: Infra::Common, ..Options::default() })?;
    let client = stack.client("crash_hurts_one_request_alone")?;
    let submit = |n| client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 8)}}));

    for round in 0..3 {
        let before = submit(2 * round)?;
        let crashed = Http::new(Duration::from_secs(30)).get(&format!("{}/crash", stack.origin()), &[])?;
        ensure!(crashed.status == 500, "the program did not crash: {}", crashed.text());

        // The object that was open has its job, and takes another one.
        let job = client.job(&before)?;
        ensure!(job["status"] == "queued", "after crash {round}: {job}");
        submit(2 * round + 1)?;
    }
    let listed = client.get("/v1/jobs")?.expect(200)?.json()?;
    ensure!(listed["jobs"].as_array().context("jobs")?.len() == 6, "{listed}");

    let log = stack.logs()?;
    ensure!(log.contains("RuntimeError: unreachable"), "it was no panic:\n{log}");
    ensure!(log.matches("the program crashed and begins anew").count() >= 3, "it did not begin anew:\n{log}");
    Ok(())
}
