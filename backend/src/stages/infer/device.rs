//! One device's thread: runs batches and tells the jobs apart.

use std::{collections::HashMap, sync::Arc, time::Duration};

use forebay_contract::{EventKind, FailureCode};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    bisect::{self, Outcome},
    generate,
    residents::Residents,
    runner::{BatchRunner, failure},
    watchdog::Pulse,
};
use crate::{
    engine::{Engine, Patience},
    failure::Failure,
    job::{Batched, Inferred, Job},
    lease::Fits,
    metrics::BatchRun,
    model::Task,
    output::Answer,
    stages::report::Reporter,
    vitals::Vitals,
};

/// A device and what it holds.
pub(super) struct DeviceThread {
    pub(super) engine: Box<dyn Engine>,
    pub(super) residents: Residents,
    /// When each model that did not load was tried.
    pub(super) failed: HashMap<String, Instant>,
    reporter: Reporter,
    pub(super) vitals: Arc<Vitals>,
    pub(super) pulse: Pulse,
    pub(super) patience: Patience,
}

/// Who is told what a device does, and who watches it.
pub(super) struct Around {
    pub(super) reporter: Reporter,
    pub(super) vitals: Arc<Vitals>,
    pub(super) pulse: Pulse,
    pub(super) patience: Patience,
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
}

impl DeviceThread {
    pub(super) fn new(engine: Box<dyn Engine>, model_memory: Option<u64>, around: Around) -> Self {
        let Around { reporter, vitals, pulse, patience } = around;
        let residents = Residents::new(model_memory.or_else(|| engine.memory()));
        Self { engine, residents, failed: HashMap::new(), reporter, vitals, pulse, patience }
    }

    /// Runs a batch of one model; every one of its jobs is answered or unwanted afterwards.
    pub(super) fn run(&mut self, batch: Batched, stop: &CancellationToken) -> Ran {
        if !self.is_loaded(&batch.model) {
            let failure = Failure::new(FailureCode::ModelUnavailable, "the model could not be loaded");
            let fail = |(job, _)| Inferred { job, answer: Err(failure.clone()), device_ms: 0.0 };
            return Ran { answers: batch.jobs.into_iter().map(fail).collect(), ..Ran::default() };
        }
        let (batch, unwanted) = without(batch, |job| job.unwanted.is_cancelled());
        let Some(batch) = batch else { return Ran { unwanted, ..Ran::default() } };
        // What has waited for so long that it would still run when its message is given to another worker goes back first,
        // and has all the time that there is when it comes again.
        let predicted = batch.predicted;
        let (batch, returned) = without(batch, |job| job.lease.fits(predicted) == Fits::Afresh);
        let Some(batch) = batch else { return Ran { unwanted, returned, ..Ran::default() } };
        let batch_size = u32::try_from(batch.jobs.len()).unwrap_or(u32::MAX);
        for (job, _) in &batch.jobs {
            self.tell(job, EventKind::Started { batch_size });
        }
        let model = Arc::clone(&batch.model);
        let (jobs, padding) = (batch.jobs.len(), batch.input.padding());
        let mut ran = match &model.manifest.task {
            Task::TextGenerate(_, steps) => generate::run(self, batch, steps, stop),
            _ => self.run_once(batch),
        };
        let measured = BatchRun { jobs, rows: ran.rows, padding, predicted, busy: ran.busy };
        self.vitals.metrics.ran(&model.id, measured);
        ran.unwanted.extend(unwanted);
        ran.returned.extend(returned);
        ran
    }

    pub(super) fn tell(&self, job: &Job, event: EventKind) {
        self.reporter.tell(job, event);
    }

    fn run_once(&mut self, batch: Batched) -> Ran {
        let Batched { model, mut jobs, input, predicted } = batch;
        // What runs once is not broken off, so nobody need ask whether it is canceled.
        jobs.iter_mut().for_each(|(job, _)| job.watch = None);
        let rows: Vec<usize> = jobs.iter().map(|(_, rows)| *rows).collect();
        let mut runner = BatchRunner::new(self, &model, &input, predicted);
        let outcomes = bisect::run(&rows, &mut runner);
        let busy = runner.busy();
        let answer = |((job, _), Outcome { answer, busy }): ((Job, usize), Outcome)| {
            let answer =
                answer.map(|output| (Arc::clone(&model), Answer::Rows(output))).map_err(|error| failure(&error));
            Inferred { job, answer, device_ms: busy.as_secs_f64() * 1000.0 }
        };
        let answers = jobs.into_iter().zip(outcomes).map(answer).collect();
        Ran { rows: input.rows(), busy, answers, ..Ran::default() }
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
