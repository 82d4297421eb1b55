use std::{
    net::SocketAddr,
    sync::atomic::AtomicU64,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use forebay_contract::{EventKind, Report, ReportEvent, SIGNATURE_HEADER, report, sign};

use super::{
    load::{Load, Measured},
    ratio::{Ratio, Round, percentile},
    workerd::Workerd,
};
use crate::{
    console::{self, Console},
    process::interrupt,
    repository::Repository,
    stack::Http,
};

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const WARM_UP: Duration = Duration::from_secs(2);
const ROUND: Duration = Duration::from_secs(4);
/// The keys that `edge/bench/kv.mjs` knows: one that is never refused, and one that is from the second time on.
const OPEN: &str = "fb_bench_0123456789abcdef0123456789";
const CLOSED: &str = "fb_closed_0123456789abcdef0123456789";
/// As `edge/bench/config.capnp` has it.
const REPORT_SECRET: &[u8] = b"bench";

/// What is put side by side.
struct Pair<'a> {
    name: &'a str,
    definition: &'a str,
    target: f64,
    ours: Side<'a>,
    bound: Side<'a>,
}

/// One side of it.
#[derive(Clone, Copy)]
struct Side<'a> {
    address: SocketAddr,
    request: &'a (dyn Fn(u64) -> Vec<u8> + Sync),
    expect: u16,
}

/// Submissions, cache hits and known refusals, each beside the least they could cost.
pub(super) fn measure(repository: &Repository, console: Console) -> Result<Vec<Ratio>> {
    let mut workerd = Workerd::start(repository)?;
    let (edge, floor, cache_floor) = (workerd.edge, workerd.floor, workerd.cache_floor);
    fill_caches(edge, cache_floor)?;
    use_up(edge)?;
    let hit = body("the one that is cached");
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
            bound: Side { address: cache_floor, request: &|_| post("/", OPEN, &hit), expect: 200 },
        },
        Pair {
            name: "edge known denial",
            definition: "submissions/s of a caller that was just refused ÷ GET /healthz/s",
            target: 0.9,
            ours: Side { address: edge, request: &|_| submission(CLOSED, &hit), expect: 429 },
            bound: Side { address: edge, request: &|_| get("/healthz"), expect: 200 },
        },
    ];
    pairs.iter().map(|pair| compare(pair, &mut workerd, console)).collect()
}

/// Rounds of both in turn. Who comes first changes, so that neither always meets the other's leftovers.
fn compare(pair: &Pair<'_>, workerd: &mut Workerd, console: Console) -> Result<Ratio> {
    let name = pair.name.replace(' ', "-");
    console.begin(&name, &format!("{ROUNDS} rounds beside the floor, about {} s", total().as_secs()));
    let counter = AtomicU64::new(0);
    let load = |side: Side<'_>, lasting| {
        let Side { address, request, expect } = side;
        Load { address, connections: CONNECTIONS, request, expect, counter: &counter }.run(lasting)
    };
    load(pair.bound, WARM_UP)?;
    load(pair.ours, WARM_UP)?;
    let (mut rounds, mut ours, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        interrupt::check()?;
        let (our, bound) = if number % 2 == 0 {
            let our = load(pair.ours, ROUND)?;
            (our, load(pair.bound, ROUND)?)
        } else {
            let bound = load(pair.bound, ROUND)?;
            (load(pair.ours, ROUND)?, bound)
        };
        workerd.check_alive()?;
        console.note(&name, &format!("round {}: {:.0}/s beside {:.0}/s", number + 1, our.per_second, bound.per_second));
        rounds.push(Round { ours: our.per_second, bound: bound.per_second });
        ours.push(our);
        bounds.push(bound);
    }
    console.done(&name, &console::duration(total()));
    let definition = format!(
        "{}; both in one raw workerd, {CONNECTIONS} connections that each wait for their answer, rounds of both in turn; the \
         median of the rounds",
        pair.definition
    );
    let mut ratio = Ratio::new(pair.name, &definition, pair.target, rounds);
    ratio.notes.push(format!("latency of ours: {}; of the floor: {}", latency(&ours), latency(&bounds)));
    Ok(ratio)
}

/// Has one job done and its result delivered, so that the cache has it; and puts something of that size beside.
fn fill_caches(edge: SocketAddr, cache_floor: SocketAddr) -> Result<()> {
    let http = Http::new(Duration::from_secs(10));
    let authorization = format!("Bearer {OPEN}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let submit = || http.post(&format!("http://{edge}/v1/jobs"), &headers, body("the one that is cached").as_bytes());
    let job = submit()?.json()?;
    let id = job.get("id").and_then(serde_json::Value::as_str).context("the edge took no job")?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64;
    let kind = EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 700, device_ms: 1.0 };
    let event = ReportEvent { job_id: id.parse()?, attempt: 1, at_ms: now_ms, kind };
    let report = serde_json::to_vec(&Report { worker: "bench".to_owned(), events: vec![event] })?;
    let signature = sign(REPORT_SECRET, now_ms, &report);
    let signed = [("content-type", "application/json"), (SIGNATURE_HEADER, signature.as_str())];
    let reported = http.post(&format!("http://{edge}{}", report::PATH), &signed, &report)?;
    ensure!(reported.status == 200, "the edge took no report: {}", reported.text());
    let result = http.get(&format!("http://{edge}/v1/jobs/{id}/result"), &headers)?;
    ensure!(result.status == 200, "the edge delivered no result: {}", result.text());
    http.put(&format!("http://{cache_floor}/"), &[], &result.body)?;
    // The copy goes into the cache behind the answer's back.
    let deadline = Instant::now() + Duration::from_secs(10);
    let hit = interrupt::poll(deadline, Duration::from_millis(50), || {
        let answer = submit()?.json()?;
        Ok(answer.get("result").is_some().then_some(()))
    })?;
    hit.context("the edge does not answer from its cache")
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

fn total() -> Duration {
    2 * (WARM_UP + ROUND * ROUNDS as u32)
}

fn latency(measured: &[Measured]) -> String {
    let median = |of: fn(&Measured) -> f64| percentile(&measured.iter().map(of).collect::<Vec<_>>(), 0.5);
    format!("p50 {:.1} ms, p99 {:.1} ms", median(|one| one.p50_ms), median(|one| one.p99_ms))
}

/// A job of its own for each `which`.
fn body(which: &str) -> String {
    let text = format!("Submission {which}: water waits in the pool above the turbines until it is their turn.");
    serde_json::json!({"model": "bench", "input": {"text": text}}).to_string()
}

fn submission(key: &str, body: &str) -> Vec<u8> {
    post("/v1/jobs", key, body)
}

fn post(path: &str, key: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").into_bytes()
}
