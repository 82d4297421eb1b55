//! An edge killed right after its answers loses no accepted job.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::stack::{Hall, Options, words};

const JOBS: usize = 24;

pub fn check(hall: &Hall) -> Result<()> {
    let mut stack = hall.own("restart", &Options::default())?;
    let client = stack.client("edge_restart_loses_nothing")?;

    let jobs = (0..JOBS)
        .map(|n| client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 8)}})))
        .collect::<Result<Vec<_>>>()?;
    stack.kill_and_restart_edge()?;

    // The key, the jobs and whatever was still in the outbox are there again.
    stack.start_worker(&[])?;
    for job in &jobs {
        let job = client.finished(job)?;
        ensure!(job["status"] == "succeeded", "{job}");
        client.result(&job)?;
    }
    Ok(())
}
