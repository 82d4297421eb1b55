use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use forebay_contract::{EventKind, JobId, JobMessage, Lane, storage_key};

use crate::{
    bench::report::report,
    stack::{Deployment, Http},
};

/// What every job comes to.
pub(super) const RESULT: &[u8] = br#"{"embedding":[0.0,0.25,0.5,0.75]}"#;

/// Jobs take at least so long, and up to a second longer, so that they end at every moment of a polling client's second.
const LEAST: Duration = Duration::from_millis(300);

/// A worker without a model: it receives from a real queue, stores into a real bucket and reports, signed.
#[derive(Debug)]
pub(super) struct StandIn<'a> {
    deployment: &'a Deployment,
    edge: SocketAddr,
    stored: Mutex<HashMap<JobId, Instant>>,
    over: AtomicBool,
}

impl<'a> StandIn<'a> {
    pub(super) fn new(deployment: &'a Deployment, edge: SocketAddr) -> Self {
        Self { deployment, edge, stored: Mutex::default(), over: AtomicBool::new(false) }
    }

    /// Works until [`Self::stop`], each job in a thread of its own: clients bound how many there are.
    pub(super) fn work(&self) -> Result<()> {
        let worked = thread::scope(|scope| {
            let mut jobs = Vec::new();
            while !self.is_over() {
                for body in self.deployment.receive(Lane::PAID_LIGHT)? {
                    let message = JobMessage::from_json(&body)?;
                    jobs.push(scope.spawn(move || self.run(&message)));
                }
            }
            jobs.into_iter().try_for_each(|job| job.join().map_err(|_| anyhow!("a job panicked"))?)
        });
        // Clients of a worker that is no more need not wait.
        self.stop();
        worked
    }

    /// Receives nothing more.
    pub(super) fn stop(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// When the bucket had the job's result.
    pub(super) fn stored(&self, id: &JobId) -> Option<Instant> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    fn run(&self, message: &JobMessage) -> Result<()> {
        thread::sleep(LEAST + takes(message));
        let media_type = "application/json".to_owned();
        self.deployment.store(&storage_key::result(&message.digest), &media_type, RESULT)?;
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).insert(message.job_id, Instant::now());
        let kind = EventKind::Succeeded { media_type, bytes: RESULT.len() as u64, device_ms: 1.0 };
        report(&Http::new(Duration::from_secs(30)), self.edge, message.job_id, kind)
    }
}

/// Up to a second, evenly: a digest's bits are.
fn takes(message: &JobMessage) -> Duration {
    let hex = message.digest.to_hex();
    let bits = hex.get(..4).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
    Duration::from_micros(bits * 1_000_000 / 65_536)
}
