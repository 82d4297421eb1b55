use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};

use super::{http1::Connection, ratio::percentile};

/// What is asked, again and again: each connection sends its next request when it has the answer to the one before.
#[derive(Clone, Copy)]
pub(super) struct Load<'a> {
    pub(super) address: SocketAddr,
    pub(super) connections: usize,
    /// The request of each number; numbers are not used twice.
    pub(super) request: &'a (dyn Fn(u64) -> Vec<u8> + Sync),
    /// The status of an answer that counts. Any other ends the measurement: refusals are quick.
    pub(super) expect: u16,
    /// The number of the next request, over all connections.
    pub(super) counter: &'a AtomicU64,
}

/// One stretch of load: every answer's latency in milliseconds, and how long the stretch was in seconds.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    latencies: Vec<f64>,
    took: f64,
}

/// What stretches of load came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// The medians of what was measured, in words: milliseconds to so many decimals.
pub(super) fn latency(measured: &[Measured], decimals: usize) -> String {
    let median = |of: fn(&Measured) -> f64| percentile(&measured.iter().map(of).collect::<Vec<_>>(), 0.5);
    format!("p50 {:.decimals$} ms, p99 {:.decimals$} ms", median(|one| one.p50_ms), median(|one| one.p99_ms))
}

impl Load<'_> {
    /// Asks for as long as `lasting`.
    pub(super) fn run(&self, lasting: Duration) -> Result<Stretch> {
        let started = Instant::now();
        let deadline = started + lasting;
        let latencies: Vec<Result<Vec<f64>>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections).map(|_| scope.spawn(|| self.connection(deadline))).collect();
            threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a connection panicked"))?).collect()
        });
        let took = started.elapsed().as_secs_f64();
        let mut all = Vec::new();
        for one in latencies {
            all.extend(one?);
        }
        Ok(Stretch { latencies: all, took })
    }

    /// One connection's answers, in milliseconds each.
    fn connection(&self, deadline: Instant) -> Result<Vec<f64>> {
        let mut connection = Connection::open(self.address)?;
        let mut latencies = Vec::new();
        while Instant::now() < deadline {
            let request = (self.request)(self.counter.fetch_add(1, Ordering::Relaxed));
            let asked = Instant::now();
            let status = connection.exchange(&request)?;
            if status != self.expect {
                bail!("{} answered {status} where {} was expected", self.address, self.expect);
            }
            latencies.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(latencies)
    }
}

impl Stretch {
    /// Both, one after the other.
    pub(super) fn and(mut self, next: Self) -> Self {
        self.latencies.extend(next.latencies);
        Self { latencies: self.latencies, took: self.took + next.took }
    }

    pub(super) fn measured(&self) -> Measured {
        Measured {
            per_second: self.latencies.len() as f64 / self.took,
            p50_ms: percentile(&self.latencies, 0.5),
            p99_ms: percentile(&self.latencies, 0.99),
        }
    }
}
