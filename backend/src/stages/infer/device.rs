//! One device, what it holds and what is around it; and what becomes of a batch on it.

use std::{sync::Arc, time::Duration};

use forebay_contract::{EventKind, FailureCode};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{loading::Readiness, refusals::Refusals, residents::Residents, threads::Alarm, watchdog::Pulse};
use crate::{
    device::DeviceLoad,
    engine::{Engine, Patience},
    failure::Failure,
    stages::{
        exits::Exits,
        job::{Batched, Inferred, Job},
        report::Reporter,
    },
    vitals::Vitals,
};

/// A device and what it holds.
pub(super) struct DeviceThread {
    pub(super) engine: Box<dyn Engine>,
    pub(super) residents: Residents,
    pub(super) refusals: Refusals,
    /// Shows the watchdog which call is under way.
    pub(super) pulse: Pulse,
    pub(super) around: Arc<Surroundings>,
    /// When it was last measured what the device has of memory.
    memory_measured: Option<Instant>,
}

/// So often it is measured at most what a device has of memory, when nothing is loaded or unloaded.
const MEMORY_ROUND: Duration = Duration::from_secs(10);

/// What the devices' threads share.
pub(super) struct Surroundings {
    pub(super) exits: Exits<Inferred>,
    pub(super) load: Arc<DeviceLoad>,
    pub(super) reporter: Reporter,
    pub(super) vitals: Arc<Vitals>,
    pub(super) stop: CancellationToken,
    pub(super) patience: Patience,
    /// Rings when the device can do nothing more.
    pub(super) alarm: Alarm,
}

impl DeviceThread {
    pub(super) fn new(
        engine: Box<dyn Engine>,
        model_memory: Option<u64>,
        pulse: Pulse,
        around: Arc<Surroundings>,
    ) -> Self {
        let residents = Residents::new(model_memory.or_else(|| engine.memory()));
        Self { engine, residents, refusals: Refusals::default(), pulse, around, memory_measured: None }
    }

    /// Has the metrics show what the device has of memory.
    pub(super) fn measure_memory(&mut self) {
        if let Some(memory) = self.engine.device_memory() {
            self.around.vitals.metrics.device_memory(&self.engine.device(), memory, self.residents.bytes());
        }
        self.memory_measured = Some(Instant::now());
    }

    /// The same, unless that was done not long ago.
    pub(super) fn measure_memory_now_and_then(&mut self) {
        if self.memory_measured.is_none_or(|at| at.elapsed() >= MEMORY_ROUND) {
            self.measure_memory();
        }
    }

    pub(super) fn report(&self, job: &Job, event: EventKind) {
        self.around.reporter.report(job, event);
    }
}

/// What became of a batch.
#[derive(Default)]
pub(super) struct Ran {
    /// How many rows ran, and for how long.
    pub(super) rows: usize,
    pub(super) busy: Duration,
    pub(super) answers: Vec<Inferred>,
    /// Canceled before they began, or on the way.
    pub(super) unwanted: Vec<Job>,
    /// Not finished when the worker stopped, or not begun for want of time.
    pub(super) returned: Vec<Job>,
    /// Their model cannot be loaded here at the moment.
    pub(super) unable: Vec<Job>,
    pub(super) lost: Option<Lost>,
}

/// The device does nothing more for this process.
pub(super) struct Lost {
    /// What the engine said, for the log.
    pub(super) why: String,
    /// What was under way and has no answer: one of them may be why.
    pub(super) jobs: Vec<Job>,
}

impl Ran {
    /// Of a batch whose model is not loaded.
    pub(super) fn without_model(batch: Batched, readiness: Readiness) -> Self {
        let jobs: Vec<Job> = batch.jobs.into_iter().map(|(job, _)| job).collect();
        match readiness {
            Readiness::Never => {
                let failure = Failure::new(FailureCode::ModelUnavailable, "the model could not be loaded");
                let fail = |job| Inferred::failed(job, failure.clone());
                Self { answers: jobs.into_iter().map(fail).collect(), ..Self::default() }
            }
            Readiness::NotYet => Self { unable: jobs, ..Self::default() },
            // No job ran, so none is suspect. That it goes on without end is kept from it by what is written down of them.
            Readiness::DeviceLost(why) => {
                Self { unable: jobs, lost: Some(Lost { why, jobs: Vec::new() }), ..Self::default() }
            }
            Readiness::Ready => Self { returned: jobs, ..Self::default() },
        }
    }
}
