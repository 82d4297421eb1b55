//! [`Decoded`] → [`Batched`]: the shell around the planner. The next batch is formed while the current one runs.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{
    batch::{Decision, Device, Limits, Pending, plan},
    device::DeviceLoad,
    features::BatchInput,
    job::{Batched, Decoded, Job, Settled},
};

/// What forming batches needs.
pub(crate) struct Batch {
    pub(crate) load: Arc<DeviceLoad>,
    pub(crate) stop: CancellationToken,
}

/// One batch may wait at each device behind the one that runs.
const HANDED_OVER: usize = 2;

/// Forms batches until nothing more is decoded; what is pending when the worker stops goes back to its lane.
pub(crate) async fn run(
    batch: Batch,
    mut decoded: mpsc::Receiver<Decoded>,
    batched: mpsc::Sender<Batched>,
    settled: mpsc::Sender<Settled>,
) {
    let mut load = batch.load.watch();
    let mut waiting = Waiting::new();
    let mut open = true;
    while (open || !waiting.jobs.is_empty()) && !batch.stop.is_cancelled() {
        for job in waiting.take_unwanted() {
            let _ = settled.send(Settled::Stored(job, None)).await;
        }
        let handed_over = *load.borrow_and_update();
        let devices = batch.load.devices();
        let device = if handed_over < devices { Device::Free } else { Device::Busy };
        let decision = if handed_over < HANDED_OVER * devices { waiting.plan(device) } else { Decision::Idle };
        let wake = match decision {
            Decision::Run(positions) => {
                if let Some(next) = waiting.take(&positions) {
                    batch.load.hand_over();
                    if batched.send(next).await.is_err() {
                        return;
                    }
                }
                continue;
            }
            Decision::WaitUntil(at_ms) => waiting.started + Duration::from_millis(at_ms),
            Decision::Idle => Instant::now() + Duration::from_secs(3600),
        };
        tokio::select! {
            () = batch.stop.cancelled() => {}
            next = decoded.recv(), if open => match next {
                Some(job) => waiting.add(job),
                None => open = false,
            },
            _ = load.changed() => {}
            () = sleep_until(wake) => {}
        }
    }
    for (job, _) in waiting.jobs {
        let _ = settled.send(Settled::Returned(job.job)).await;
    }
    while let Some(job) = decoded.recv().await {
        let _ = settled.send(Settled::Returned(job.job)).await;
    }
}

struct Waiting {
    /// The planner's zero.
    started: Instant,
    /// Each job with the planner's time at which it came.
    jobs: Vec<(Decoded, u64)>,
    limits: HashMap<String, Limits>,
}

impl Waiting {
    fn new() -> Self {
        Self { started: Instant::now(), jobs: Vec::new(), limits: HashMap::new() }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn add(&mut self, job: Decoded) {
        self.limits.insert(job.model.id.clone(), job.model.limits());
        let now_ms = self.now_ms();
        self.jobs.push((job, now_ms));
    }

    /// Takes out what was canceled meanwhile.
    fn take_unwanted(&mut self) -> Vec<Job> {
        let unwanted = self.jobs.extract_if(.., |(decoded, _)| decoded.job.unwanted.is_cancelled());
        unwanted.map(|(decoded, _)| decoded.job).collect()
    }

    fn plan(&self, device: Device) -> Decision {
        let pending: Vec<Pending<'_>> = self
            .jobs
            .iter()
            .map(|(decoded, since_ms)| Pending {
                model: &decoded.model.id,
                lane: decoded.job.lease.lane,
                account: &decoded.job.account,
                rows: decoded.features.rows(),
                since_ms: *since_ms,
            })
            .collect();
        // Every pending model has its limits; one row and no patience is what a stranger would get.
        let limits = |model: &str| self.limits.get(model).copied().unwrap_or(Limits { max_rows: 1, max_wait_ms: 0 });
        plan(&pending, self.now_ms(), limits, device)
    }

    /// Takes these jobs out, in this order, and lays their rows behind one another.
    fn take(&mut self, positions: &[usize]) -> Option<Batched> {
        let mut slots: Vec<Option<(Decoded, u64)>> = std::mem::take(&mut self.jobs).into_iter().map(Some).collect();
        let taken: Vec<Decoded> = positions
            .iter()
            .filter_map(|position| slots.get_mut(*position)?.take())
            .map(|(decoded, _)| decoded)
            .collect();
        self.jobs = slots.into_iter().flatten().collect();

        let model = Arc::clone(&taken.first()?.model);
        let input = BatchInput::assemble(taken.iter().map(|decoded| &decoded.features));
        if input.is_none() {
            // Cannot be while all features of a model come from one manifest. The jobs are redelivered.
            error!(model = model.id, "features of one model do not fit together");
        }
        let jobs = taken.into_iter().map(|decoded| (decoded.job, decoded.features.rows())).collect();
        Some(Batched { model, jobs, input: input? })
    }
}
