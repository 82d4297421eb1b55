//! A worker killed in the middle of a batch loses nothing: another one runs what it held.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    client::poll,
    stack::{Hall, Options, words},
};

const JOBS: usize = 32;
/// How long a batch of the first worker takes whatever is in it: it is killed within the first one on any machine.
const BATCH_MS: &str = "60000";

pub fn check(hall: &Hall) -> Result<()> {
    let mut stack = hall.own("killed", &Options::default())?;
    let client = stack.client("killed_worker_loses_nothing")?;

    let jobs = (0..JOBS)
        .map(|n| client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 180)}})))
        .collect::<Result<Vec<_>>>()?;
    // A short visibility, so that the second worker need not wait long for what the first one held.
    let slow = ["--engine", "test", "--test-engine-delay-ms", BATCH_MS];
    let first = stack.start_worker(&[&["--lease-s", "8"], &slow[..]].concat())?;
    poll("some job runs while others wait", || {
        let running = client.get("/v1/jobs?status=running")?.expect(200)?.json()?;
        Ok(if running["jobs"][0].is_object() { Ok(()) } else { Err(running) })
    })?;
    stack.kill_worker(first)?;

    // The visibility as shipped: on a busy machine a short one ends while its renewal is on the way, and whoever received
    // a message five times has it no more.
    stack.start_worker(&[])?;
    let mut again = 0;
    for job in &jobs {
        let job = client.finished(job)?;
        ensure!(job["status"] == "succeeded", "{job}");
        again += usize::from(job["attempt"].as_u64() > Some(1));
        client.result(&job)?;
    }
    ensure!(again > 0, "the worker was killed before it held anything: nothing was shown");
    Ok(())
}
