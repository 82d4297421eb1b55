use std::{sync::atomic::AtomicU64, time::Duration};

use anyhow::Result;

use super::{
    load::{Load, Measured},
    ratio::{Ratio, Round, percentile},
    workerd::Workerd,
};
use crate::{
    console::{self, Console},
    process::interrupt,
    repository::Repository,
};

const DEFINITION: &str = "submissions/s to the edge ÷ requests/s to a Worker that does one Durable Object call with one \
                          SQLite insert; both in one raw workerd, the same bodies, 16 connections that each wait for \
                          their answer, rounds of both in turn; the median of the rounds";
const TARGET: f64 = 0.8;
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const WARM_UP: Duration = Duration::from_secs(2);
const ROUND: Duration = Duration::from_secs(4);
/// The one key that `edge/bench/kv.mjs` knows.
const KEY: &str = "fb_bench_0123456789abcdef0123456789";

/// Submissions of distinct small texts beside the floor.
pub(super) fn measure(repository: &Repository, console: Console) -> Result<Ratio> {
    let name = "bench-edge";
    console.begin(name, &format!("{ROUNDS} rounds beside the floor, about {} s", total().as_secs()));
    let mut workerd = Workerd::start(repository)?;
    let counter = AtomicU64::new(0);
    let ours = Load {
        address: workerd.edge,
        connections: CONNECTIONS,
        request: &|number| request("/v1/jobs", &body(number)),
        expect: 202,
        counter: &counter,
    };
    let floor = Load { address: workerd.floor, request: &|number| request("/", &body(number)), ..ours };

    floor.run(WARM_UP)?;
    ours.run(WARM_UP)?;
    let (mut rounds, mut at_edge, mut at_floor) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        interrupt::check()?;
        // Who comes first changes, so that neither always meets the other's leftovers.
        let (edge, bound) = if number % 2 == 0 {
            let edge = ours.run(ROUND)?;
            (edge, floor.run(ROUND)?)
        } else {
            let bound = floor.run(ROUND)?;
            (ours.run(ROUND)?, bound)
        };
        workerd.check_alive()?;
        console.note(name, &format!("round {}: {:.0}/s beside {:.0}/s", number + 1, edge.per_second, bound.per_second));
        rounds.push(Round { ours: edge.per_second, bound: bound.per_second });
        at_edge.push(edge);
        at_floor.push(bound);
    }
    console.done(name, &console::duration(total()));
    let mut ratio = Ratio::new("edge submit", DEFINITION, TARGET, rounds);
    ratio.notes.push(format!("latency of the edge: {}; of the floor: {}", latency(&at_edge), latency(&at_floor)));
    Ok(ratio)
}

fn total() -> Duration {
    2 * (WARM_UP + ROUND * ROUNDS as u32)
}

fn latency(measured: &[Measured]) -> String {
    let median = |of: fn(&Measured) -> f64| percentile(&measured.iter().map(of).collect::<Vec<_>>(), 0.5);
    format!("p50 {:.1} ms, p99 {:.1} ms", median(|one| one.p50_ms), median(|one| one.p99_ms))
}

/// A job that nobody submitted before.
fn body(number: u64) -> String {
    let text = format!("Submission {number}: water waits in the pool above the turbines until it is their turn.");
    serde_json::json!({"model": "bench", "input": {"text": text}}).to_string()
}

fn request(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
