//! [`Decoded`] → [`Batched`]: the shell around the planner. The next batch is formed while the current one runs.

use std::{sync::Arc, time::Duration};

use forebay_contract::FailureCode;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    exits::Exits,
    forming::{Decided, Forming, NotBatched},
    job::{Batched, Decoded, Disposition, Job, ReturnReason},
    runs::Runs,
};
use crate::{batch::LaneWeights, device::DeviceLoad, failure::Failure};

/// What forming batches needs besides the jobs.
pub(crate) struct Batch {
    /// How lanes share the devices.
    pub(crate) weights: LaneWeights,
    pub(crate) load: Arc<DeviceLoad>,
    pub(crate) runs: Runs,
    pub(crate) stop: CancellationToken,
}

/// One batch may wait at each device behind the one that runs.
const HANDED_OVER: usize = 2;
/// Jobs that are taken in before it is planned again.
const AT_ONCE: usize = 256;
/// How often it is looked who was canceled while they wait; those of a batch are looked at when it is made.
const LOOK: Duration = Duration::from_millis(50);

/// Forms batches until nothing more is decoded; what is pending when the worker stops goes back to its lane.
pub(crate) async fn run(batch: Batch, mut decoded: mpsc::Receiver<Decoded>, exits: Exits<Batched>) {
    let mut load = batch.load.watch();
    let mut forming = Forming::new(Arc::clone(&batch.load), batch.weights);
    let (mut open, mut buffer) = (true, Vec::new());
    let mut look = Instant::now() + LOOK;
    while (open || !forming.is_empty()) && !batch.stop.is_cancelled() {
        forming.learn();
        if look <= Instant::now() {
            for job in forming.take_canceled() {
                exits.dispose(Disposition::Unwanted(job)).await;
            }
            look = Instant::now() + LOOK;
        }
        let devices = batch.load.devices();
        let wants_more = *load.borrow_and_update() < HANDED_OVER * devices;
        let decided = if wants_more { forming.decide() } else { Decided::WaitUntil(None) };
        let wake = match decided {
            Decided::Run(mut next, handed_over) => {
                batch.load.hand_over(handed_over);
                batch.runs.begin(&mut next.jobs).await;
                if !exits.pass(next).await {
                    return;
                }
                continue;
            }
            Decided::Leave(jobs, why) => {
                for job in jobs {
                    exits.leave(job, why).await;
                }
                continue;
            }
            Decided::WaitUntil(wake) => wake,
        };
        let wake = wake.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        let wake = if forming.is_empty() { wake } else { wake.min(look) };
        tokio::select! {
            () = batch.stop.cancelled() => {}
            count = decoded.recv_many(&mut buffer, AT_ONCE), if open => match count {
                0 => open = false,
                _ => buffer.drain(..).for_each(|job| forming.add(job)),
            },
            _ = load.changed() => {}
            () = sleep_until(wake) => {}
        }
    }
    for job in forming.into_jobs() {
        exits.dispose(Disposition::Returned(job, ReturnReason::Stopped)).await;
    }
    while let Some(job) = decoded.recv().await {
        exits.dispose(Disposition::Returned(job.job, ReturnReason::Stopped)).await;
    }
}

impl Exits<Batched> {
    /// A job goes without having run.
    async fn leave(&self, job: Job, why: NotBatched) {
        match why {
            NotBatched::Outlasting => self.fail(job, too_long()).await,
            // Delivered before it may have begun, and what has begun ends only by what is stored.
            NotBatched::Expired if job.attempt > 1 && !job.unwanted.is_cancelled() => self.fail(job, too_late()).await,
            // Delivered for the first time it cannot have begun, and the edge has ended it by its own clock.
            NotBatched::Expired | NotBatched::Unwanted => self.dispose(Disposition::Unwanted(job)).await,
        }
    }
}

/// It would still run when its message is given to another worker, which would begin it from nothing.
fn too_long() -> Failure {
    let detail = "on this device the job would take longer than the twelve hours for which it can be held: ask for less \
                  at once";
    Failure::new(FailureCode::WorkTooLong, detail)
}

fn too_late() -> Failure {
    let detail = "a worker took the job and did not finish it, and its deadline was over before another could; send it \
                  again with a later one";
    Failure::new(FailureCode::Abandoned, detail)
}
