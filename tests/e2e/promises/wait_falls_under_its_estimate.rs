//! Under a steady load a job is done by the p90 that it was told, at least four times of five; who looks again when told
//! mostly looks once or twice.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Client, id},
    stack::{Hall, words},
};

/// Jobs before the lane knows how long it takes, and jobs that are looked at.
const WARM_UP: usize = 20;
const MEASURED: usize = 54;
const EACH: Duration = Duration::from_millis(100);
/// Of these how many are polled politely.
const POLLED: usize = 6;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.shared()?;
    let client = stack.client("wait_falls_under_its_estimate")?;
    client.result(&client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": "Warm up."}}))?)?;

    let began = Instant::now();
    let mut accepted = Vec::new();
    let mut polling = Vec::new();
    for n in 0..WARM_UP + MEASURED {
        // Open loop: the load does not wait for answers.
        thread::sleep((EACH * u32::try_from(n)?).saturating_sub(began.elapsed()));
        let text = format!("{} steady", words(n, 20));
        let answer = client.submit(&json!({"model": "all-minilm-l6-v2", "input": {"text": text}}))?.expect(202)?;
        let (job, retry_after_s) = (answer.json()?, answer.retry_after_s()?);
        if n >= WARM_UP && n % (MEASURED / POLLED) == 0 {
            let (client, job) = (client.clone(), job.clone());
            polling.push(thread::spawn(move || polls(&client, &job, retry_after_s)));
        }
        accepted.push(job);
    }
    let mut met = 0;
    for job in accepted.iter().skip(WARM_UP) {
        let p90_ms = job["queue"]["eta_ms"]["p90"].as_u64().with_context(|| format!("no p90 in {job}"))?;
        ensure!(job["queue"]["position"].as_u64() >= Some(1), "{job}");
        let ended = client.finished(job)?;
        ensure!(ended["status"] == "succeeded" && ended["queue"].is_null(), "{ended}");
        met += usize::from(took_ms(&ended)? <= p90_ms);
    }
    ensure!(met * 5 >= MEASURED * 4, "only {met} of {MEASURED} were done by their p90: {}", stack.lane("paid-light")?);
    let polls = polling.into_iter().map(|polls| polls.join().map_err(|_| anyhow::anyhow!("polling panicked"))?);
    let polls: Vec<usize> = polls.collect::<Result<_>>()?;
    // As many as the p90 promises: one of six may be later than it.
    let few = polls.iter().filter(|polls| **polls <= 2).count();
    ensure!(few + 1 >= POLLED, "so often was asked: {polls:?}");

    // The error is there to be looked at.
    let lane = stack.lane("paid-light")?;
    ensure!(lane["eta_error"]["samples"].as_u64() >= Some(20), "{lane}");
    ensure!(lane["eta_error"]["within_p90"].is_number() && lane["spread"]["p90"].is_number(), "{lane}");
    Ok(())
}

/// How often a polite client asks until the job has ended.
fn polls(client: &Client, job: &Value, mut wait_s: u64) -> Result<usize> {
    let path = format!("/v1/jobs/{}", id(job)?);
    for polls in 1.. {
        thread::sleep(Duration::from_secs(wait_s));
        let answer = client.get(&path)?.expect(200)?;
        if !matches!(answer.json()?["status"].as_str(), Some("queued" | "running")) {
            return Ok(polls);
        }
        wait_s = answer.retry_after_s()?;
    }
    Ok(0)
}

fn took_ms(job: &Value) -> Result<u64> {
    let at = |name: &str| job["timeline"][name].as_u64().with_context(|| format!("no {name} in {job}"));
    Ok(at("finished_ms")?.saturating_sub(at("accepted_ms")?))
}
