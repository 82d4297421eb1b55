//! [`Batched`] → [`Inferred`]: the thread that owns the device.

use std::{
    collections::HashMap,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use forebay_contract::{EventKind, FailureCode};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::report::Reporter;
use crate::{
    array::Array,
    device::DeviceLoad,
    engine::{Engine, RunError},
    failure::Failure,
    features::BatchInput,
    job::{Batched, Inferred, Job, Settled},
    model::Model,
};

/// A model that did not load is left alone for so long: its file may be on its way.
const LOAD_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What the device's thread needs.
pub(crate) struct Infer {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) load: Arc<DeviceLoad>,
    pub(crate) reporter: Reporter,
    pub(crate) stop: CancellationToken,
}

/// Starts the device's thread, which runs until no more batches come.
pub(crate) fn spawn(
    infer: Infer,
    mut batched: mpsc::Receiver<Batched>,
    inferred: mpsc::Sender<Inferred>,
    settled: mpsc::Sender<Settled>,
) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name("device".to_owned()).spawn(move || {
        let mut device = DeviceThread { engine: infer.engine, loaded: HashMap::new(), reporter: infer.reporter };
        while let Some(batch) = batched.blocking_recv() {
            if infer.stop.is_cancelled() {
                for (job, _) in batch.jobs {
                    let _ = settled.blocking_send(Settled::Returned(job));
                }
                continue;
            }
            let Ran { rows, busy, answers, unwanted } = device.run(batch);
            // First the next batch may be formed, then this one's answers go their way.
            infer.load.finish(rows, busy);
            for job in unwanted {
                let _ = settled.blocking_send(Settled::Stored(job, None));
            }
            for answer in answers {
                if inferred.blocking_send(answer).is_err() {
                    return;
                }
            }
        }
    })
}

struct DeviceThread {
    engine: Box<dyn Engine>,
    /// Each model that was tried, with the time of its failure if it did not load.
    loaded: HashMap<String, Option<Instant>>,
    reporter: Reporter,
}

/// What became of a batch.
#[derive(Default)]
struct Ran {
    /// How many rows ran, and for how long.
    rows: usize,
    busy: Duration,
    answers: Vec<Inferred>,
    /// Canceled before they began.
    unwanted: Vec<Job>,
}

impl DeviceThread {
    fn run(&mut self, batch: Batched) -> Ran {
        if !self.is_loaded(&batch.model) {
            let failure = Failure::new(FailureCode::ModelUnavailable, "the model could not be loaded");
            let fail = |(job, _)| Inferred { job, answer: Err(failure.clone()), device_ms: 0.0 };
            return Ran { answers: batch.jobs.into_iter().map(fail).collect(), ..Ran::default() };
        }
        let (batch, unwanted) = without_unwanted(batch);
        let Some(batch) = batch else { return Ran { unwanted, ..Ran::default() } };
        let rows = batch.input.rows();
        let (answers, busy) = self.run_wanted(batch);
        Ran { rows, busy, answers, unwanted }
    }

    fn run_wanted(&mut self, batch: Batched) -> (Vec<Inferred>, Duration) {
        let Batched { model, mut jobs, input } = batch;
        let batch_size = u32::try_from(jobs.len()).unwrap_or(u32::MAX);
        for (job, _) in &mut jobs {
            job.watch = None;
            self.reporter.tell(job, EventKind::Started { batch_size });
        }
        let started = Instant::now();
        let answer = self.engine.run(&model, &input);
        let busy = started.elapsed();
        match answer {
            Ok(output) => (split(&model, jobs, &output, busy), busy),
            Err(error) if jobs.len() == 1 => {
                let fail = |(job, _)| Inferred { job, answer: Err(failure(&error)), device_ms: ms(busy) };
                (jobs.into_iter().map(fail).collect(), busy)
            }
            Err(error) => {
                warn!(model = model.id, jobs = jobs.len(), %error, "a batch failed, its jobs run one by one");
                let (answers, alone) = self.run_one_by_one(&model, jobs, &input);
                (answers, busy + alone)
            }
        }
    }

    /// The culprit fails alone; the others get their results.
    fn run_one_by_one(
        &mut self,
        model: &Arc<Model>,
        jobs: Vec<(Job, usize)>,
        input: &BatchInput,
    ) -> (Vec<Inferred>, Duration) {
        let (mut start, mut total) = (0, Duration::ZERO);
        let mut answers = Vec::with_capacity(jobs.len());
        for (job, rows) in jobs {
            let alone = input.copy_rows(start, rows);
            start += rows;
            let started = Instant::now();
            let answer = match alone {
                Some(input) => self.engine.run(model, &input).map_err(|error| failure(&error)),
                None => Err(wrong_rows()),
            };
            let busy = started.elapsed();
            total += busy;
            let answer = answer.map(|output| (Arc::clone(model), output));
            answers.push(Inferred { job, answer, device_ms: ms(busy) });
        }
        (answers, total)
    }

    fn is_loaded(&mut self, model: &Model) -> bool {
        match self.loaded.get(&model.id) {
            Some(None) => return true,
            Some(Some(failed)) if failed.elapsed() < LOAD_AGAIN_AFTER => return false,
            _ => {}
        }
        let started = Instant::now();
        let failed = match self.engine.load(model) {
            Ok(()) => {
                info!(model = model.id, load_ms = started.elapsed().as_millis(), "model loaded");
                None
            }
            Err(error) => {
                error!(model = model.id, %error, "model not loaded");
                Some(Instant::now())
            }
        };
        self.loaded.insert(model.id.clone(), failed);
        failed.is_none()
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

/// Gives every job its rows and its share of the time.
fn split(model: &Arc<Model>, jobs: Vec<(Job, usize)>, output: &Array<f32>, busy: Duration) -> Vec<Inferred> {
    let total = output.rows().max(1);
    let mut start = 0;
    let own = |(job, rows): (Job, usize)| {
        let answer = output.copy_rows(start, rows).map(|own| (Arc::clone(model), own)).ok_or_else(wrong_rows);
        start += rows;
        Inferred { job, answer, device_ms: ms(busy) * rows as f64 / total as f64 }
    };
    jobs.into_iter().map(own).collect()
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn failure(error: &RunError) -> Failure {
    match error {
        RunError::Refused(line) => Failure::new(FailureCode::ExecutionFailed, line.clone()),
        RunError::OutOfMemory => {
            Failure::new(FailureCode::OutOfMemory, "the device has too little memory for this input")
        }
    }
}

fn wrong_rows() -> Failure {
    Failure::new(FailureCode::ExecutionFailed, "the model answered with another count of rows")
}
