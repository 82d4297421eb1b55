//! However many jobs the free plan submits, paid ones are taken, and pass those that wait.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Client, id, poll},
    stack::{Hall, Options, words},
};

const FLOODERS: usize = 4;
const PAID: usize = 8;
/// A batch of the worker takes so long whatever is in it, and it holds so many messages of a lane at most: it is slower
/// than the flood on any machine, and leaves the processor to the others.
const BATCH: Duration = Duration::from_secs(1);
const PREFETCH: usize = 4;

const PLANS: &str = r#"
[plans.pro]
class = "paid"
limits = [{ name = "submit", dimension = "account", algorithm = "token-bucket", quantity = 6000, window = "1m", unit = "requests" }]

[plans.free]
class = "free"
guaranteed = 0.2
limits = [{ name = "submit", dimension = "account", algorithm = "token-bucket", quantity = 1000000, window = "1m", unit = "requests" }]
"#;

/// The shipped ones; of free work no more may wait than 100 texts of 15 ms.
const LANES: &str = r#"
[lanes.paid-light]
class = "paid"
work = "light"
weight = 8

[lanes.paid-heavy]
class = "paid"
work = "heavy"
weight = 4

[lanes.free-light]
class = "free"
work = "light"
weight = 2
backlog_ms = 1500
rate = 500

[lanes.free-heavy]
class = "free"
work = "heavy"
"#;

pub fn check(hall: &Hall) -> Result<()> {
    let (plans, lanes) = (Some(PLANS.to_owned()), Some(LANES.to_owned()));
    let mut stack = hall.own("flood", &Options { plans, lanes, ..Options::default() })?;
    let (delay, prefetch) = (BATCH.as_millis().to_string(), PREFETCH.to_string());
    stack.start_worker(&["--engine", "test", "--test-engine-delay-ms", &delay, "--prefetch", &prefetch])?;
    let paid = stack.client("flood_of_free_jobs_leaves_paid_ones_alone")?;
    let clients =
        (0..FLOODERS).map(|n| stack.new_client(&format!("flooder-{n}"), "free")).collect::<Result<Vec<_>>>()?;

    let flood = Flood::default();
    let flooded = std::thread::scope(|scope| {
        for (n, client) in clients.iter().enumerate() {
            let flood = &flood;
            scope.spawn(move || flood.pour(n, client));
        }
        let measured = (|| {
            let full = || flood.refused.load(Ordering::Relaxed);
            poll("the free lane is full", || Ok(if full() > 0 { Ok(()) } else { Err(flood.accepted().len()) }))?;
            // One after the other, while the flood goes on: each is taken and ends.
            (0..PAID).map(|n| submit_and_finish(&paid, n)).collect::<Result<Vec<_>>>()
        })();
        flood.over.store(true, Ordering::Relaxed);
        measured
    })?;
    ensure!(flood.broken.load(Ordering::Relaxed) == 0, "the flood met something else than acceptance and a full lane");

    // Of the free jobs that waited in their lane when a paid one entered its own, how many began before it? No clock is
    // asked how long that took: the machine has its part in that.
    let free: Vec<Value> = flood.accepted().iter().map(|(n, job)| clients[*n].job(job)).collect::<Result<_>>()?;
    let (mut shares, mut batches) = (Vec::new(), Vec::new());
    for job in &flooded {
        let (entered_ms, started_ms) = (time(job, "sent_ms")?, time(job, "started_ms")?);
        let time_of = |free: &Value, name: &str| time(free, name).unwrap_or(u64::MAX);
        let waited = free.iter().filter(|free| time_of(free, "sent_ms") <= entered_ms);
        let starts = waited.map(|free| time_of(free, "started_ms")).filter(|free_ms| *free_ms > entered_ms);
        let waiting: Vec<u64> = starts.collect();
        ensure!(waiting.len() >= 50, "only {} free jobs waited: this is no flood", waiting.len());
        let before: Vec<u64> = waiting.iter().copied().filter(|free_ms| *free_ms < started_ms).collect();
        shares.push(before.len() as f64 / waiting.len() as f64);
        // Those of a batch begin together.
        batches.push(before.into_iter().collect::<BTreeSet<_>>().len());
    }
    shares.sort_by(f64::total_cmp);
    let median = shares[PAID / 2];
    ensure!(median <= 0.2, "half of the paid jobs began after {median} of the free ones before them: {shares:?}");
    // After the batch that runs one or two more, which are about to.
    batches.sort_unstable();
    ensure!(batches[PAID / 2] < 4, "so many batches began before each of the paid jobs: {batches:?}");
    Ok(())
}

#[derive(Default)]
struct Flood {
    over: AtomicBool,
    refused: AtomicUsize,
    broken: AtomicUsize,
    accepted: Mutex<Vec<(usize, Value)>>,
}

impl Flood {
    /// As fast as it can, until it is over.
    fn pour(&self, flooder: usize, client: &Client) {
        for n in 0.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let text = format!("Flooder {flooder} says: {}", words(n, 8));
            let answer = client.submit(&json!({"model": "all-minilm-l6-v2", "input": {"text": text}}));
            match answer.as_ref().map(|answer| (answer.status, answer.json())) {
                Ok((202, Ok(job))) => {
                    self.accepted.lock().unwrap_or_else(PoisonError::into_inner).push((flooder, job));
                }
                Ok((503, Ok(problem))) if problem["code"] == "lane-full" => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                _ => {
                    self.broken.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn accepted(&self) -> Vec<(usize, Value)> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn submit_and_finish(client: &Client, n: usize) -> Result<Value> {
    let began = Instant::now();
    let text = format!("Paid for: {}", words(n, 8));
    let job = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": text}}))?;
    let done = client.finished(&job)?;
    ensure!(done["status"] == "succeeded", "{done} after {:?}", began.elapsed());
    ensure!(id(&done)? == id(&job)?, "{done}");
    Ok(done)
}

fn time(job: &Value, name: &str) -> Result<u64> {
    job["timeline"][name].as_u64().with_context(|| format!("no {name} in {job}"))
}
