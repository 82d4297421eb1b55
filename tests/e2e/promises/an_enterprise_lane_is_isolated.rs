//! A customer with a lane of three lines and workers of its own waits for nobody, however much waits in every other lane.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Client, poll},
    stack::{Hall, Options, Stack, words},
};

/// What an operator adds to `catalog/lanes.toml` and to `catalog/plans.toml`.
const LANE: &str = r#"
[lanes.acme]
class = "acme"
weight = 8
"#;
const PLANS: &str = r#"
[plans.acme]
class = "acme"
limits = [{ name = "submit", dimension = "account", algorithm = "token-bucket", quantity = 6000, window = "1m", unit = "requests" }]

[plans.flood]
class = "free"
guaranteed = 0.2
limits = [{ name = "submit", dimension = "account", algorithm = "token-bucket", quantity = 1000000, window = "1m", unit = "requests" }]
"#;

/// So many jobs in each of the four lanes of the others.
const FLOOD: usize = 80;
const ACME: usize = 12;
/// The workers that all others share need so long for a batch, of which few messages are held: while the customer's jobs
/// run on any machine, they come to the end of next to nothing.
const BATCH_MS: &str = "30000";
const PREFETCH: &str = "4";

pub fn check(hall: &Hall) -> Result<()> {
    let with = |path: &str, more: &str| anyhow::Ok(Some(fs::read_to_string(hall.path(path))? + more));
    let options = Options {
        plans: with("catalog/plans.toml", PLANS)?,
        lanes: with("catalog/lanes.toml", LANE)?,
        ..Options::default()
    };
    let mut stack = hall.own("acme", &options)?;
    // As workers are started that are told of no lanes: they know those that are shipped.
    stack.start_worker(&["--engine", "test", "--test-engine-delay-ms", BATCH_MS, "--prefetch", PREFETCH])?;
    let alone = stack.lane("acme")?;

    let others = [stack.new_client("many", "pro")?, stack.new_client("more", "flood")?];
    let flood =
        others.iter().enumerate().map(|(number, client)| flood(client, number * FLOOD)).collect::<Result<Vec<_>>>()?;
    for lane in ["paid-light", "paid-heavy", "free-light", "free-heavy"] {
        poll(&format!("{lane} is flooded"), || {
            let seen = stack.lane(lane)?;
            Ok(if seen["depth"].as_u64() >= Some(FLOOD as u64 / 2) { Ok(()) } else { Err(seen) })
        })?;
    }
    stands_as(&stack.lane("acme")?, &alone)?;

    let acme = stack.new_client("acme", "acme")?;
    let jobs = (0..ACME).map(|n| submit(&acme, n)).collect::<Result<Vec<_>>>()?;
    for job in &jobs {
        ensure!(job["queue"]["lane"] == "acme", "{job}");
        // What an isolate remembers may count its own job twice for a moment, but nobody else's.
        let position = job["queue"]["position"].as_u64().context("no position")?;
        ensure!(position <= 2 * ACME as u64, "{position} of {ACME} jobs: {job}");
    }
    // The shared workers leave them alone: only those of the customer take them.
    stack.start_worker(&["--engine", "test", "--lanes", "acme"])?;
    for job in &jobs {
        let ended = acme.finished(job)?;
        ensure!(ended["status"] == "succeeded", "{ended}");
    }

    // All of them have ended. The customer's workers have nothing to do, and most of the flood waits all the same.
    for (client, jobs) in others.iter().zip(&flood) {
        let states = jobs.iter().map(|job| Ok(client.job(job)?["status"] == "queued")).collect::<Result<Vec<_>>>()?;
        let waiting = states.iter().filter(|waits| **waits).count();
        ensure!(waiting * 2 > jobs.len(), "only {waiting} of {} jobs of the flood still wait", jobs.len());
    }
    emptied(&stack)
}

/// As many light jobs as heavy ones, no two alike: those from the `first` on.
fn flood(client: &Client, first: usize) -> Result<Vec<Value>> {
    (first..first + FLOOD).flat_map(|n| [light(n), heavy(n)]).map(|job| client.accepted(&job)).collect()
}

/// Both kinds of work: the lane takes them all.
fn submit(client: &Client, n: usize) -> Result<Value> {
    let n = 2 * FLOOD + n;
    client.accepted(&if n.is_multiple_of(2) { light(n) } else { heavy(n) })
}

fn light(n: usize) -> Value {
    json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 8)}})
}

fn heavy(n: usize) -> Value {
    json!({"model": "dcgan-faces", "parameters": {"seed": n}})
}

/// Work, positions, estimates and the factor of rates are what they were without the flood.
fn stands_as(now: &Value, alone: &Value) -> Result<()> {
    for field in ["reachable", "depth", "jobs", "work_ms", "capacity_ms", "eta_ms", "multiplier", "breakers"] {
        ensure!(now[field] == alone[field], "{field} of an untouched lane changed: {alone} became {now}");
    }
    ensure!(now["jobs"] == 0 && now["multiplier"] == 1.0, "{now}");
    Ok(())
}

fn emptied(stack: &Stack) -> Result<()> {
    poll("the customer's lane is empty", || {
        let seen = stack.lane("acme")?;
        Ok(if seen["jobs"] == 0 && seen["work_ms"] == 0.0 { Ok(()) } else { Err(seen) })
    })
}
