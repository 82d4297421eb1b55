//! A worker killed in the middle of a batch loses nothing: another one runs what it held.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    client::poll,
    stack::{Hall, Options, words},
};

const JOBS: usize = 32;

pub fn check(hall: &Hall) -> Result<()> {
    let mut stack = hall.own("killed", &Options::default())?;
    let client = stack.client("killed_worker_loses_nothing")?;

    // A short lease, so that the second worker need not wait long for what the first one held.
    let first = stack.start_worker(&["--lease-s", "4"])?;
    let jobs = (0..JOBS)
        .map(|n| client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 180)}})))
        .collect::<Result<Vec<_>>>()?;
    poll("some job runs while others wait", || {
        let states = jobs.iter().map(|job| Ok(client.job(job)?["status"].clone())).collect::<Result<Vec<_>>>()?;
        Ok(if states.iter().any(|state| state == "running") { Ok(()) } else { Err(states) })
    })?;
    stack.kill_worker(first)?;

    stack.start_worker(&["--lease-s", "4"])?;
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
