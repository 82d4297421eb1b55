//! The order of the stages. Each is a task (inference: a thread for each device) that reads one bounded channel and writes
//! the next; when a channel closes, what is behind it finishes and closes too.

mod ending;
mod executor;

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::{ending::PipelineError, executor::Executor};

use self::ending::Ending;
use crate::{
    batch::LaneWeights,
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
    /// Which models can be run.
    pub registry: Arc<Registry>,
    /// What runs the models, one engine a device.
    pub devices: Devices,
    /// Shows how busy the devices are: one for each pipeline.
    pub load: Arc<DeviceLoad>,
    /// Shows what else is measured, and whether the pipeline is well.
    pub vitals: Arc<Vitals>,
}

/// How much the pipeline takes on.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The worker's name in reports.
    pub worker: String,
    /// How the lanes share the worker.
    pub weights: LaneWeights,
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
    let (pool, wall_ms) = executor.beside_devices(bounds.cpu_threads);
    let (runs, restraints) = (Runs::new(Arc::clone(&store), stop.clone()), Restraints::default());
    let (reporter, reporting) = report::channel(edge, bounds.worker, Arc::clone(&vitals));
    let (to_decode, received) = mpsc::channel(BETWEEN);
    let (to_batch, decoded) = mpsc::channel(BETWEEN);
    let (to_infer, batched) = mpsc::channel(devices.engines.len().max(1));
    let (to_store, inferred) = mpsc::channel(BETWEEN);
    let (to_acknowledge, disposed) = mpsc::channel(BETWEEN);
    let mut stages = JoinSet::new();

    let receiving = receive::Receive {
        lanes: lanes.clone(),
        keeper: keeper.clone(),
        prefetch: bounds.prefetch,
        weights: bounds.weights.clone(),
        load: Arc::clone(&load),
        vitals: Arc::clone(&vitals),
        restraints: restraints.clone(),
        wall_ms,
        stop: stop.clone(),
    };
    stages.spawn(receive::run(receiving, to_decode));

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
    stages.spawn(decode::run(decoding, received, exits));

    let (sharing, weights) = (Arc::clone(&load), bounds.weights);
    let batching = batch::Batch { weights, load: sharing, runs: runs.clone(), stop: stop.clone() };
    let exits = Exits { next: to_infer, failed: to_store.clone(), disposed: to_acknowledge.clone() };
    stages.spawn(batch::run(batching, decoded, exits));

    let (reports, measures) = (reporter.clone(), Arc::clone(&vitals));
    let inferring = infer::Infer { devices, load, reporter: reports, vitals: measures, stop: stop.clone() };
    let exits = Exits { next: to_store.clone(), failed: to_store, disposed: to_acknowledge.clone() };
    let troubled = executor.infer(&mut stages, inferring, batched, exits)?;

    let storing = store::Storing { store, pool, stop: stop.clone() };
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
