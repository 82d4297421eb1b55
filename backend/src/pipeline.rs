//! The order of the stages. Each is a task (inference: a thread for each device) that reads one bounded channel and writes
//! the next; when a channel closes, what is behind it finishes and closes too.

mod ending;

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::ending::Ending;
use crate::{
    clock::{self, Clock},
    cpu_pool::CpuPool,
    device::DeviceLoad,
    edge::Edge,
    engine::Devices,
    measured,
    model::Registry,
    queue::Lanes,
    stages::{
        acknowledge, batch, decode, decoded_bytes::DecodedBytes, exits::Exits, infer, receive, report,
        restraint::Restraints, runs::Runs, store,
    },
    store::Store,
    visibility::VisibilityKeeper,
    vitals::Vitals,
};

/// The world around the pipeline.
pub struct Parts {
    /// Where jobs come from.
    pub lanes: Lanes,
    /// Where inputs are and results go.
    pub store: Arc<dyn Store>,
    /// Where reports go; nowhere without.
    pub edge: Option<Arc<dyn Edge>>,
    /// What can be run.
    pub registry: Arc<Registry>,
    /// What runs it.
    pub devices: Devices,
    /// Shows how busy the devices are: one for each pipeline.
    pub load: Arc<DeviceLoad>,
    /// Shows everything else.
    pub vitals: Arc<Vitals>,
}

/// How much the pipeline takes on.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The worker's name in reports.
    pub worker: String,
    /// How long a message stays hidden without a sign of life.
    pub visibility: Duration,
    /// The most messages that are held at once, fewer where they are much work. Beyond it a lane still has its share.
    pub prefetch: usize,
    /// Threads that decode pictures; as many again decode sounds, prepare other inputs, and render.
    pub cpu_threads: usize,
    /// The most bytes that decoded inputs take together until the device has answered, and once more those of a batch
    /// while it is put together. One that takes more goes alone.
    pub decoded_bytes: usize,
}

/// Why the pipeline ended without being stopped.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The device's thread could not be started.
    #[error("the device's thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// A stage ended by itself: the process should end too, and its supervisor start it again.
    #[error("a stage of the pipeline ended by itself")]
    StageEnded,
    /// A device's call does not end: the process must end, whatever its threads still do, and its supervisor start it
    /// again. The jobs that the device holds come back when their visibility timeouts end.
    #[error("the device does not answer")]
    DeviceHung,
    /// A device computes nothing more for this process, which must end so that its supervisor starts another. The jobs
    /// that it held are handed back.
    #[error("the device is lost: this process cannot use it any more")]
    DeviceLost,
}

impl PipelineError {
    /// The process's exit status, so that a supervisor can tell: 75 (`EX_TEMPFAIL` of sysexits.h) for a device that hangs
    /// or is lost.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::DeviceHung | Self::DeviceLost => 75,
            Self::Thread(_) | Self::StageEnded => 1,
        }
    }
}

impl From<infer::Trouble> for PipelineError {
    fn from(trouble: infer::Trouble) -> Self {
        match trouble {
            infer::Trouble::Hung => Self::DeviceHung,
            infer::Trouble::Lost => Self::DeviceLost,
            infer::Trouble::Panicked => Self::StageEnded,
        }
    }
}

/// Who computes: runs batches, decodes and renders.
pub enum Executor {
    /// A thread for the device, and [`Bounds::cpu_threads`] for each kind of work beside it.
    Threads,
    /// The runtime's own threads, one thing after the other. On a runtime of one thread, whose clock is paused, nothing
    /// then depends on the machine: what simulations need.
    Runtime {
        /// How long a batch of so many rows keeps the device.
        batch_time: Box<dyn FnMut(usize) -> Duration + Send>,
        /// The time of day that deadlines are compared with.
        wall_ms: Clock,
    },
}

/// A bounded channel between two stages holds so many jobs; the room of the lanes bounds them all together.
const BETWEEN: usize = 64;

/// Runs until `stop`, then finishes what runs, hands back the rest and returns.
pub async fn run(parts: Parts, bounds: Bounds, stop: CancellationToken) -> Result<(), PipelineError> {
    run_by(Executor::Threads, parts, bounds, stop).await
}

/// The same, computed by whom one chooses.
pub async fn run_by(
    executor: Executor,
    parts: Parts,
    bounds: Bounds,
    stop: CancellationToken,
) -> Result<(), PipelineError> {
    let Parts { lanes, store, edge, registry, devices, load, vitals } = parts;
    let (lanes, store) = (measured::lanes(lanes, &vitals), measured::store(store, &vitals));
    let keeper = VisibilityKeeper::new(bounds.visibility);
    let (pool, wall_ms): (CpuPool, Clock) = match &executor {
        Executor::Threads => (CpuPool::new(bounds.cpu_threads), Arc::new(clock::wall_ms)),
        Executor::Runtime { wall_ms, .. } => (CpuPool::without_threads(), Arc::clone(wall_ms)),
    };
    let (runs, restraints) = (Runs::new(Arc::clone(&store), stop.clone()), Restraints::default());
    let (reporter, reporting) = report::channel(edge, bounds.worker, Arc::clone(&vitals));
    let (to_decode, received) = mpsc::channel(BETWEEN);
    let (to_batch, decoded) = mpsc::channel(BETWEEN);
    let (to_infer, batched) = mpsc::channel(devices.engines.len().max(1));
    let (to_store, inferred) = mpsc::channel(BETWEEN);
    let (to_acknowledge, disposed) = mpsc::channel(BETWEEN);

    let receiving = receive::Receive {
        lanes: lanes.clone(),
        keeper: keeper.clone(),
        prefetch: bounds.prefetch,
        load: Arc::clone(&load),
        vitals: Arc::clone(&vitals),
        restraints: restraints.clone(),
        wall_ms,
        stop: stop.clone(),
    };
    let decoding = decode::Decode {
        store: Arc::clone(&store),
        registry,
        vitals: Arc::clone(&vitals),
        reporter: reporter.clone(),
        pool: pool.clone(),
        bytes: DecodedBytes::new(bounds.decoded_bytes, Arc::clone(&vitals)),
        stop: stop.clone(),
    };
    let exits = Exits { next: to_batch, failed: to_store.clone(), disposed: to_acknowledge.clone() };
    let batching = batch::Batch { load: Arc::clone(&load), runs: runs.clone(), stop: stop.clone() };
    let inferring =
        infer::Infer { devices, load, reporter: reporter.clone(), vitals: Arc::clone(&vitals), stop: stop.clone() };
    let storing = store::Storing { store, pool, stop: stop.clone() };

    let mut stages = JoinSet::new();
    stages.spawn(receive::run(receiving, to_decode));
    stages.spawn(decode::run(decoding, received, exits));
    let exits = Exits { next: to_infer, failed: to_store.clone(), disposed: to_acknowledge.clone() };
    stages.spawn(batch::run(batching, decoded, exits));
    let exits = Exits { next: to_store.clone(), failed: to_store, disposed: to_acknowledge.clone() };
    let troubled = match executor {
        Executor::Threads => infer::spawn(inferring, batched, exits)?,
        Executor::Runtime { batch_time, .. } => {
            let (running, troubled) = infer::run(inferring, batched, exits, batch_time);
            stages.spawn(running);
            troubled
        }
    };
    stages.spawn(store::run(storing, inferred, to_acknowledge));
    let acknowledging = acknowledge::Acknowledge { lanes: lanes.clone(), runs: runs.clone(), restraints, reporter };
    stages.spawn(acknowledge::run(acknowledging, disposed));
    if let Some(reporting) = reporting {
        stages.spawn(report::run(reporting));
    }
    // Messages are kept hidden for as long as anything is under way, so beside the stages and not among them.
    let mut keeping = JoinSet::new();
    keeping.spawn(async move { keeper.run(&lanes).await });

    Ending { stages, runs, vitals, stop }.run(troubled).await
}
