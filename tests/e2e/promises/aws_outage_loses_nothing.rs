//! Queues and bucket stand still for longer than messages stay hidden while two workers run jobs, and one worker is killed
//! meanwhile: what was accepted, also during the outage, ends once, and well.

use std::time::Duration;

use anyhow::{Result, ensure};
use forebay_xtask::stack::LocalStack;
use serde_json::{Value, json};

use crate::{
    client::{Client, poll},
    stack::{Hall, Options, free_port, words},
};

const BEFORE: usize = 32;
const DURING: usize = 12;
/// Messages that are hidden for four seconds are seen again meanwhile; shorter than what AWS's library waits for one answer.
const OUTAGE: Duration = Duration::from_secs(8);
/// What runs the jobs does not matter here, only that each batch takes its time and not all are in one.
const WORKER: [&str; 8] = ["--lease-s", "4", "--prefetch", "8", "--engine", "test", "--test-engine-delay-ms", "2000"];

pub fn check(hall: &Hall) -> Result<()> {
    let folder = hall.scratch("aws-outage-localstack")?;
    // LocalStack keeps nothing over an end, as SQS and S3 would: so it is frozen, and answers nobody until it is thawed.
    let localstack = hall.new_localstack(free_port()?, &folder)?;
    let aws = Some(localstack.endpoint().to_owned());
    let mut stack = hall.own("aws-outage", &Options { aws, ..Options::default() })?;
    let first = stack.start_worker(&WORKER)?;
    stack.start_worker(&WORKER)?;

    let client = stack.client("aws_outage_loses_nothing")?;
    let mut jobs = accepted(&client, 0..BEFORE)?;
    poll("some jobs run", || {
        // One look for all of them: none ends while the others are looked at.
        let running = client.get("/v1/jobs?status=running")?.expect(200)?.json()?;
        Ok(if running["jobs"][0].is_object() { Ok(()) } else { Err(running) })
    })?;
    outage(&localstack, || {
        stack.kill_worker(first)?;
        jobs.extend(accepted(&client, BEFORE..BEFORE + DURING)?);
        std::thread::sleep(OUTAGE);
        Ok(())
    })?;

    for job in &jobs {
        let job = client.finished(job)?;
        ensure!(job["status"] == "succeeded", "{job}");
        client.result(&job)?;
    }
    ensure!(stack.stored_results()? == jobs.len(), "each has one result");
    poll("nothing is left in the lanes", || {
        let left = stack.messages_in_lanes()?;
        Ok(if left == 0 { Ok(()) } else { Err(left) })
    })
}

fn accepted(client: &Client, numbers: std::ops::Range<usize>) -> Result<Vec<Value>> {
    let embed = |n| json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 8)}});
    numbers.map(|n| client.accepted(&embed(n))).collect()
}

/// Nobody is answered meanwhile; whatever happens, it answers again afterwards.
fn outage(localstack: &LocalStack, meanwhile: impl FnOnce() -> Result<()>) -> Result<()> {
    localstack.freeze();
    let happened = meanwhile();
    localstack.thaw();
    happened
}
