use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};

use super::{
    CLOSED, OPEN,
    http1::{get, post},
    pair::{Pair, Side},
    ratio::Ratio,
    warm::{CACHED, Cached, body},
    workerd::Workerd,
};
use crate::{console::Console, repository::Repository, stack::Http};

/// Submissions, cache hits and known refusals, each beside the least they could cost.
pub(super) fn measure(repository: &Repository, console: Console) -> Result<Vec<Ratio>> {
    let mut workerd = Workerd::start(repository)?;
    let (edge, floor, cache_floor) = (workerd.edge, workerd.floor, workerd.cache_floor);
    let entry = Cached::json(&workerd)?.entry();
    use_up(edge)?;
    let hit = body(CACHED);
    let numbered = |number: u64| body(&format!("number {number}"));
    let pairs = [
        Pair {
            name: "edge submit",
            definition: "submissions/s to the edge ÷ requests/s to a Worker that does one Durable Object call with one \
                         SQLite insert",
            target: 0.8,
            ours: Side { address: edge, request: &|number| submission(OPEN, &numbered(number)), expect: 202 },
            bound: Side { address: floor, request: &|number| post("/", OPEN, &numbered(number)), expect: 202 },
        },
        Pair {
            name: "edge cache hit",
            definition: "submissions/s that the cache answers ÷ requests/s to a Worker that does one Cache API match",
            target: 0.9,
            ours: Side { address: edge, request: &|_| submission(OPEN, &hit), expect: 200 },
            bound: Side { address: cache_floor, request: &|_| post(&entry, OPEN, &hit), expect: 200 },
        },
        Pair {
            name: "edge known denial",
            definition: "submissions/s of a caller that was just refused ÷ GET /healthz/s",
            target: 0.9,
            ours: Side { address: edge, request: &|_| submission(CLOSED, &hit), expect: 429 },
            bound: Side { address: edge, request: &|_| get("/healthz", None), expect: 200 },
        },
    ];
    pairs.iter().map(|pair| pair.compare(&mut workerd, console)).collect()
}

/// Uses up what the closed plan allows.
fn use_up(edge: SocketAddr) -> Result<()> {
    let http = Http::new(Duration::from_secs(10));
    let authorization = format!("Bearer {CLOSED}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let statuses: Vec<u16> = (0..2)
        .map(|number| {
            let body = body(&format!("use up {number}"));
            Ok(http.post(&format!("http://{edge}/v1/jobs"), &headers, body.as_bytes())?.status)
        })
        .collect::<Result<_>>()?;
    ensure!(statuses == [202, 429], "the closed plan answered {statuses:?}");
    Ok(())
}

fn submission(key: &str, body: &str) -> Vec<u8> {
    post("/v1/jobs", key, body)
}
