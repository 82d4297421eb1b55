//! One device's thread: runs batches and answers each job apart.

use std::{sync::Arc, time::Duration};

use forebay_contract::{EventKind, FailureCode};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    bisect::{self, Answered, Bisected},
    generate,
    loading::Readiness,
    refusals::Refusals,
    residents::Residents,
    runner::{BatchRunner, failure},
    watchdog::Pulse,
};
use crate::{
    device::DeviceLoad,
    engine::{Engine, Patience},
    failure::Failure,
    metrics::BatchRun,
    model::Task,
    output::Answer,
    stages::{
        job::{Batched, Inferred, Job},
        report::Reporter,
    },
    visibility::Fits,
    vitals::Vitals,
};

/// A device and what it holds.
pub(super) struct DeviceThread {
    pub(super) engine: Box<dyn Engine>,
    pub(super) residents: Residents,
    pub(super) refusals: Refusals,
    reporter: Reporter,
    pub(super) vitals: Arc<Vitals>,
    pub(super) pulse: Pulse,
    pub(super) patience: Patience,
    pub(super) load: Arc<DeviceLoad>,
    /// When it was last measured what the device has of memory.
    memory_measured: Option<Instant>,
}

/// So often it is measured at most what a device has of memory, when nothing is loaded or unloaded.
const MEMORY_ROUND: Duration = Duration::from_secs(10);

/// Who hears what a device does, and who watches it.
pub(super) struct Observers {
    pub(super) reporter: Reporter,
    pub(super) vitals: Arc<Vitals>,
    pub(super) pulse: Pulse,
    pub(super) patience: Patience,
    pub(super) load: Arc<DeviceLoad>,
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
    /// For the log.
    pub(super) why: String,
    /// What was under way and has no answer: one of them may be why.
    pub(super) jobs: Vec<Job>,
}

impl DeviceThread {
    pub(super) fn new(engine: Box<dyn Engine>, model_memory: Option<u64>, observers: Observers) -> Self {
        let Observers { reporter, vitals, pulse, patience, load } = observers;
        let residents = Residents::new(model_memory.or_else(|| engine.memory()));
        Self {
            engine,
            residents,
            refusals: Refusals::default(),
            reporter,
            vitals,
            pulse,
            patience,
            load,
            memory_measured: None,
        }
    }

    /// Runs a batch of one model; every one of its jobs is answered or unwanted afterwards.
    pub(super) fn run(&mut self, batch: Batched, stop: &CancellationToken) -> Ran {
        let readiness = self.make_ready(&batch.model);
        if !matches!(readiness, Readiness::Ready) {
            return without_model(batch, readiness);
        }
        let (batch, unwanted) = without(batch, |job| job.unwanted.is_cancelled());
        let Some(batch) = batch else { return Ran { unwanted, ..Ran::default() } };
        // What has waited for so long that it would still run when its message is given to another worker goes back first,
        // and has all the time that there is when it comes again.
        let predicted = batch.predicted;
        let (batch, returned) = without(batch, |job| job.visibility.fits(predicted) == Fits::Afresh);
        let Some(batch) = batch else { return Ran { unwanted, returned, ..Ran::default() } };
        let batch_size = u32::try_from(batch.jobs.len()).unwrap_or(u32::MAX);
        for (job, _) in &batch.jobs {
            self.report(job, EventKind::Started { batch_size });
        }
        let model = Arc::clone(&batch.model);
        let (jobs, padding) = (batch.jobs.len(), batch.input.padding());
        let mut ran = match &model.manifest.task {
            Task::TextGenerate(_, steps) => generate::run(self, batch, steps, stop),
            _ => self.run_once(batch),
        };
        let measured = BatchRun { jobs, rows: ran.rows, padding, predicted, busy: ran.busy };
        self.vitals.metrics.ran(&model.id, measured);
        if self.memory_measured.is_none_or(|at| at.elapsed() >= MEMORY_ROUND) {
            self.measure_memory();
        }
        ran.unwanted.extend(unwanted);
        ran.returned.extend(returned);
        ran
    }

    /// The metrics show what the device has of memory.
    pub(super) fn measure_memory(&mut self) {
        if let Some(memory) = self.engine.device_memory() {
            self.vitals.metrics.device_memory(&self.engine.device(), memory, self.residents.bytes());
        }
        self.memory_measured = Some(Instant::now());
    }

    pub(super) fn report(&self, job: &Job, event: EventKind) {
        self.reporter.report(job, event);
    }

    fn run_once(&mut self, batch: Batched) -> Ran {
        let Batched { model, mut jobs, input, predicted } = batch;
        // What runs once is not broken off, so nobody need ask whether it is canceled.
        jobs.iter_mut().for_each(|(job, _)| job.watch = None);
        let rows: Vec<usize> = jobs.iter().map(|(_, rows)| *rows).collect();
        let mut runner = BatchRunner::new(self, &model, &input, predicted);
        let Bisected { outcomes, lost } = bisect::run(&rows, &mut runner);
        let busy = runner.busy();
        let (mut answers, mut unanswered) = (Vec::with_capacity(jobs.len()), Vec::new());
        for ((job, _), outcome) in jobs.into_iter().zip(outcomes) {
            let Some(Answered { answer, busy }) = outcome else {
                unanswered.push(job);
                continue;
            };
            let answer =
                answer.map(|output| (Arc::clone(&model), Answer::Rows(output))).map_err(|error| failure(&error));
            answers.push(Inferred { job, answer, device_ms: busy.as_secs_f64() * 1000.0 });
        }
        // What ended in the middle says nothing about what such a batch takes.
        let rows = if lost.is_some() { 0 } else { input.rows() };
        Ran { rows, busy, answers, lost: lost.map(|why| Lost { why, jobs: unanswered }), ..Ran::default() }
    }
}

/// Of a batch whose model is not loaded.
fn without_model(batch: Batched, readiness: Readiness) -> Ran {
    let jobs: Vec<Job> = batch.jobs.into_iter().map(|(job, _)| job).collect();
    match readiness {
        Readiness::Never => {
            let failure = Failure::new(FailureCode::ModelUnavailable, "the model could not be loaded");
            let fail = |job| Inferred::failed(job, failure.clone());
            Ran { answers: jobs.into_iter().map(fail).collect(), ..Ran::default() }
        }
        Readiness::NotYet => Ran { unable: jobs, ..Ran::default() },
        // No job ran, so none is suspect. That it goes on without end is kept from it by what is written down of them.
        Readiness::DeviceLost(why) => {
            Ran { unable: jobs, lost: Some(Lost { why, jobs: Vec::new() }), ..Ran::default() }
        }
        Readiness::Ready => Ran { returned: jobs, ..Ran::default() },
    }
}

/// Takes out such jobs, of which there are nearly always none.
fn without(batch: Batched, such: impl Fn(&Job) -> bool) -> (Option<Batched>, Vec<Job>) {
    if !batch.jobs.iter().any(|(job, _)| such(job)) {
        return (Some(batch), Vec::new());
    }
    let Batched { model, jobs, input, predicted } = batch;
    let (mut others, mut taken, mut ranges, mut start) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for (job, rows) in jobs {
        if such(&job) {
            taken.push(job);
        } else {
            ranges.push((start, rows));
            others.push((job, rows));
        }
        start += rows;
    }
    // A batch counts its jobs' rows, so there is an input whenever there is a job.
    let input = (!others.is_empty()).then(|| input.copy_ranges(&ranges)).flatten();
    (input.map(|input| Batched { model, jobs: others, input, predicted }), taken)
}
