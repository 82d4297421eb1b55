use std::{
    fmt,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::Serialize;

use super::{
    stand_in::{RESULT, StandIn},
    way::{BenchClient, Way},
};
use crate::{
    bench::{OPEN, ratio::percentile, workerd::Workerd},
    console::{self, Console},
    process::interrupt,
    repository::Repository,
    stack::{Deploying, Deployment, LocalStack, free_port},
};

const JOBS: usize = 800;
const AT_ONCE: usize = 12;

/// How long after the store's success clients know, by the way in which they wait.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::bench) struct Delays {
    definition: String,
    ways: Vec<DelaysOfWay>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct DelaysOfWay {
    way: &'static str,
    jobs: usize,
    p50_ms: f64,
    p99_ms: f64,
    most_ms: f64,
    /// The share of all that were known within 50 milliseconds.
    within_50_ms: f64,
}

/// One job's delay, in milliseconds.
type Delay = (Way, f64);

/// Real queue, real bucket, the built edge in bare workerd; jobs wait in the four ways in turn, side by side.
pub(super) fn measure(repository: &Repository, console: Console) -> Result<Delays> {
    let name = "wait-told";
    console.begin(name, &format!("{JOBS} jobs, {AT_ONCE} at once, about two minutes"));
    let began = std::time::Instant::now();
    let folder = repository.run("bench/wait");
    let localstack =
        LocalStack::start(repository, free_port()?, &folder.join("localstack"), &folder.join("localstack.log"))?;
    let prefixes = ["bench".to_owned()];
    let log = folder.join("infra.log");
    let wanted = Deploying { endpoint: localstack.endpoint(), prefixes: &prefixes, templates: None, log: &log };
    let deployed = Deployment::deploy(repository, Console::quiet(), &wanted)?;
    let deployment = deployed.into_iter().next().context("nothing was deployed")?;
    let mut workerd = Workerd::over(repository, &deployment)?;
    let delays = all(&deployment, workerd.edge)?;
    workerd.check_alive()?;
    console.done(name, &console::duration(began.elapsed()));
    Ok(Delays::new(&delays))
}

fn all(deployment: &Deployment, edge: SocketAddr) -> Result<Vec<Delay>> {
    let (stand_in, next) = (StandIn::new(deployment, edge), AtomicUsize::new(0));
    thread::scope(|scope| {
        let working = scope.spawn(|| stand_in.work());
        let clients: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| some(&stand_in, edge, &next))).collect();
        let joined = clients.into_iter().map(|client| client.join().map_err(|_| anyhow!("a client panicked"))?);
        // All of them, before the worker is stopped.
        let delays: Vec<Result<Vec<Delay>>> = joined.collect();
        stand_in.stop();
        working.join().map_err(|_| anyhow!("the worker panicked"))??;
        Ok(delays.into_iter().collect::<Result<Vec<_>>>()?.concat())
    })
}

/// One client's jobs, one after the other.
fn some(stand_in: &StandIn<'_>, edge: SocketAddr, next: &AtomicUsize) -> Result<Vec<Delay>> {
    let client = BenchClient::new(edge, OPEN);
    let mut delays = Vec::new();
    loop {
        interrupt::check()?;
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= JOBS || stand_in.is_over() {
            return Ok(delays);
        }
        let Some(way) = Way::ALL.get(number % Way::ALL.len()) else { continue };
        let id = client.submit(&format!("Job {number} waits for its turn above the turbines."))?;
        let known = way.wait(&client, &id)?;
        let stored = stand_in.stored(&id.parse()?).context("known before it was stored")?;
        delays.push((*way, known.saturating_duration_since(stored).as_secs_f64() * 1000.0));
        if number < Way::ALL.len() {
            ensure!(client.result(&id)? == RESULT, "another result than was stored");
        }
    }
}

impl Delays {
    fn new(delays: &[Delay]) -> Self {
        let of = |way: Way| {
            let own: Vec<f64> = delays.iter().filter(|(own, _)| *own == way).map(|(_, ms)| *ms).collect();
            let soon = own.iter().filter(|ms| **ms <= 50.0).count();
            DelaysOfWay {
                way: way.name(),
                jobs: own.len(),
                p50_ms: percentile(&own, 0.5),
                p99_ms: percentile(&own, 0.99),
                most_ms: percentile(&own, 1.0),
                within_50_ms: soon as f64 / own.len().max(1) as f64,
            }
        };
        let definition = format!(
            "from the moment in which the bucket has the result (and the worker posts its signed report) until the waiting \
             client knows; queue and bucket in LocalStack, a worker without a model that takes 0.3 to 1.3 s a job, the edge in \
             raw workerd, {AT_ONCE} clients that take the four ways in turn"
        );
        Self { definition, ways: Way::ALL.map(of).to_vec() }
    }
}

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "told after the store's success\n  = {}", self.definition)?;
        for one in &self.ways {
            write!(
                f,
                "\n  {:<20} p50 {:>6.1} ms, p99 {:>6.1} ms, at most {:>6.1} ms; {:>3.0} % within 50 ms ({} jobs)",
                one.way,
                one.p50_ms,
                one.p99_ms,
                one.most_ms,
                one.within_50_ms * 100.0,
                one.jobs
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_its_own_delays() {
        let delays = Delays::new(&[(Way::LongPoll, 4.0), (Way::LongPoll, 60.0), (Way::Polling, 500.0)]);
        let [long_poll, .., polling] = delays.ways.as_slice() else { panic!("{delays:?}") };
        assert_eq!((long_poll.jobs, long_poll.p50_ms, long_poll.within_50_ms), (2, 32.0, 0.5));
        assert_eq!((polling.way, polling.p99_ms), ("a poll each second", 500.0));
        assert!(delays.to_string().contains("WebSocket") && delays.ways[1].p50_ms.is_nan());
    }
}
