//! One device's thread: loads models when they are first needed, runs batches, tells the jobs apart.

use std::{
    collections::HashMap,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use forebay_contract::{EventKind, FailureCode};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    bisect::{self, Outcome, Runner},
    generate,
    residents::Residents,
    watchdog::Pulse,
};
use crate::{
    array::Array,
    engine::{Engine, Patience, RunError},
    failure::Failure,
    features::BatchInput,
    job::{Batched, Inferred, Job},
    model::{Model, Task},
    output::Answer,
    stages::report::Reporter,
};

/// A model that did not load is left alone for so long: its file may be on its way.
const LOAD_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// A device and what it holds.
pub(super) struct DeviceThread {
    engine: Box<dyn Engine>,
    residents: Residents,
    /// When each model that did not load was tried.
    failed: HashMap<String, Instant>,
    reporter: Reporter,
    pulse: Pulse,
    patience: Patience,
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
    /// Not finished when the worker stopped.
    pub(super) returned: Vec<Job>,
}

impl DeviceThread {
    pub(super) fn new(
        engine: Box<dyn Engine>,
        model_memory: Option<u64>,
        reporter: Reporter,
        pulse: Pulse,
        patience: Patience,
    ) -> Self {
        let residents = Residents::new(model_memory.or_else(|| engine.memory()));
        Self { engine, residents, failed: HashMap::new(), reporter, pulse, patience }
    }

    /// Runs a batch of one model; every one of its jobs is answered or unwanted afterwards.
    pub(super) fn run(&mut self, batch: Batched, stop: &CancellationToken) -> Ran {
        if !self.is_loaded(&batch.model) {
            let failure = Failure::new(FailureCode::ModelUnavailable, "the model could not be loaded");
            let fail = |(job, _)| Inferred { job, answer: Err(failure.clone()), device_ms: 0.0 };
            return Ran { answers: batch.jobs.into_iter().map(fail).collect(), ..Ran::default() };
        }
        let (batch, unwanted) = without_unwanted(batch);
        let Some(batch) = batch else { return Ran { unwanted, ..Ran::default() } };
        let batch_size = u32::try_from(batch.jobs.len()).unwrap_or(u32::MAX);
        for (job, _) in &batch.jobs {
            self.tell(job, EventKind::Started { batch_size });
        }
        let model = Arc::clone(&batch.model);
        let mut ran = match &model.manifest.task {
            Task::TextGenerate(_, steps) => generate::run(self, batch, steps, stop),
            _ => self.run_once(batch),
        };
        ran.unwanted.extend(unwanted);
        ran
    }

    pub(super) fn tell(&self, job: &Job, event: EventKind) {
        self.reporter.tell(job, event);
    }

    fn run_once(&mut self, batch: Batched) -> Ran {
        let Batched { model, mut jobs, input } = batch;
        // What runs once is not broken off, so nobody need ask whether it is canceled.
        jobs.iter_mut().for_each(|(job, _)| job.watch = None);
        let rows: Vec<usize> = jobs.iter().map(|(_, rows)| *rows).collect();
        let mut runner = BatchRunner::new(self, &model, &input);
        let outcomes = bisect::run(&rows, &mut runner);
        let busy = runner.busy;
        let answer = |((job, _), Outcome { answer, busy }): ((Job, usize), Outcome)| {
            let answer =
                answer.map(|output| (Arc::clone(&model), Answer::Rows(output))).map_err(|error| failure(&error));
            Inferred { job, answer, device_ms: busy.as_secs_f64() * 1000.0 }
        };
        let answers = jobs.into_iter().zip(outcomes).map(answer).collect();
        Ran { rows: input.rows(), busy, answers, ..Ran::default() }
    }

    fn is_loaded(&mut self, model: &Model) -> bool {
        if self.residents.touch(&model.id) {
            return true;
        }
        if self.failed.get(&model.id).is_some_and(|failed| failed.elapsed() < LOAD_AGAIN_AFTER) {
            return false;
        }
        let bytes = self.engine.footprint(model);
        for id in self.residents.make_room(bytes) {
            self.unload(&id);
        }
        let started = Instant::now();
        let loaded = loop {
            let under_way = self.pulse.begin("load", &model.id, self.patience.limit(0.0).max(self.patience.load));
            let loaded = self.engine.load(model);
            drop(under_way);
            match loaded {
                // Others may have to go: how much a device holds is not always known before.
                Err(error) if error.is_out_of_memory() => match self.residents.evict() {
                    Some(id) => self.unload(&id),
                    None => break Err(error),
                },
                loaded => break loaded,
            }
        };
        match loaded {
            Ok(()) => {
                self.residents.insert(&model.id, bytes);
                self.failed.remove(&model.id);
                let (load_ms, held_bytes) = (started.elapsed().as_millis(), self.residents.bytes());
                info!(model = model.id, device = self.engine.device(), load_ms, bytes, held_bytes, "model loaded");
                true
            }
            Err(error) => {
                error!(model = model.id, device = self.engine.device(), %error, "model not loaded");
                self.failed.insert(model.id.clone(), Instant::now());
                false
            }
        }
    }

    fn unload(&mut self, id: &str) {
        info!(model = id, device = self.engine.device(), "model unloaded to make room");
        self.engine.unload(id);
    }
}

/// Runs rows of one batch, under the watchdog's eye.
pub(super) struct BatchRunner<'a> {
    device: &'a mut DeviceThread,
    model: &'a Model,
    input: &'a BatchInput,
    busy: Duration,
}

impl<'a> BatchRunner<'a> {
    pub(super) fn new(device: &'a mut DeviceThread, model: &'a Model, input: &'a BatchInput) -> Self {
        Self { device, model, input, busy: Duration::ZERO }
    }

    /// How long all runs took together.
    pub(super) fn busy(&self) -> Duration {
        self.busy
    }
}

impl BatchRunner<'_> {
    fn call(&mut self, input: &BatchInput) -> Result<Array<f32>, RunError> {
        let DeviceThread { engine, pulse, patience, .. } = &mut *self.device;
        let limit = patience.limit(self.model.manifest.spec.cost_ms * input.rows() as f64);
        let _under_way = pulse.begin("run", &self.model.id, limit);
        let output = engine.run(self.model, input)?;
        if output.rows() == input.rows() {
            Ok(output)
        } else {
            Err(RunError::Refused("the model answered with another count of rows".to_owned()))
        }
    }

    /// Too little memory may be for the other models' sake: they go first, and the row gets another chance.
    fn with_room(&mut self, input: &BatchInput) -> Result<Array<f32>, RunError> {
        loop {
            let answer = self.call(input);
            if input.rows() > 1 || answer != Err(RunError::OutOfMemory) {
                return answer;
            }
            match self.device.residents.evict_for(&self.model.id) {
                Some(id) => self.device.unload(&id),
                None => return answer,
            }
        }
    }
}

impl Runner for BatchRunner<'_> {
    fn limit(&self) -> usize {
        self.model.capacity.rows()
    }

    fn run(&mut self, rows: Range<usize>) -> (Result<Array<f32>, RunError>, Duration) {
        let started = Instant::now();
        let answer = if rows.len() == self.input.rows() {
            self.with_room(self.input)
        } else {
            match self.input.copy_rows(rows.start, rows.len()) {
                Some(part) => self.with_room(&part),
                None => Err(RunError::Refused("the batch has fewer rows than its jobs".to_owned())),
            }
        };
        let busy = started.elapsed();
        self.busy += busy;
        match &answer {
            Ok(_) => self.model.capacity.ran(rows.len()),
            Err(RunError::OutOfMemory) => {
                let limit = self.model.capacity.too_many(rows.len());
                warn!(model = self.model.id, rows = rows.len(), limit, "out of memory: smaller batches from now on");
            }
            Err(error) => warn!(model = self.model.id, rows = rows.len(), %error, "a batch failed"),
        }
        (answer, busy)
    }
}

/// Takes out the jobs that were canceled while the batch waited; nearly always there are none.
fn without_unwanted(batch: Batched) -> (Option<Batched>, Vec<Job>) {
    if !batch.jobs.iter().any(|(job, _)| job.unwanted.is_cancelled()) {
        return (Some(batch), Vec::new());
    }
    let Batched { model, jobs, input } = batch;
    let (mut wanted, mut unwanted, mut ranges, mut start) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for (job, rows) in jobs {
        if job.unwanted.is_cancelled() {
            unwanted.push(job);
        } else {
            ranges.push((start, rows));
            wanted.push((job, rows));
        }
        start += rows;
    }
    // A batch counts its jobs' rows, so there is an input whenever there is a job.
    let input = (!wanted.is_empty()).then(|| input.copy_ranges(&ranges)).flatten();
    (input.map(|input| Batched { model, jobs: wanted, input }), unwanted)
}

/// What a client is told of it.
pub(super) fn failure(error: &RunError) -> Failure {
    match error {
        RunError::Refused(line) => Failure::new(FailureCode::ExecutionFailed, line.clone()),
        RunError::OutOfMemory => {
            Failure::new(FailureCode::OutOfMemory, "the device has too little memory for this input")
        }
    }
}
