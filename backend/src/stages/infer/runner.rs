//! One batch on the device, rows by rows, under the watchdog's eye.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use forebay_contract::FailureCode;
use tracing::warn;

use super::{bisect::Runner, device::DeviceThread};
use crate::{array::Array, engine::RunError, failure::Failure, features::BatchInput, model::Model};

/// Runs rows of one batch.
pub(super) struct BatchRunner<'a> {
    device: &'a mut DeviceThread,
    model: &'a Model,
    input: &'a BatchInput,
    predicted: Duration,
    busy: Duration,
}

impl<'a> BatchRunner<'a> {
    /// `predicted`: what earlier batches say of this one.
    pub(super) fn new(
        device: &'a mut DeviceThread,
        model: &'a Model,
        input: &'a BatchInput,
        predicted: Duration,
    ) -> Self {
        Self { device, model, input, predicted, busy: Duration::ZERO }
    }

    /// How long all runs took together.
    pub(super) fn busy(&self) -> Duration {
        self.busy
    }
}

impl BatchRunner<'_> {
    fn call(&mut self, input: &BatchInput) -> Result<Array<f32>, RunError> {
        let DeviceThread { engine, pulse, around, .. } = &mut *self.device;
        // Whichever is longer: a model that was never run, or whose manifest is an understatement, is not hung.
        let stated_ms = self.model.manifest.spec.cost_ms * input.rows() as f64;
        let limit = around.patience.limit(stated_ms.max(self.predicted.as_secs_f64() * 1000.0));
        let _under_way = pulse.begin("run", &self.model.id, limit);
        let output = engine.run(self.model, input)?;
        if output.rows() == input.rows() {
            Ok(output)
        } else {
            Err(RunError::Refused("the model answered with another count of rows".to_owned()))
        }
    }

    /// Too little memory may be for the other models' sake: they go first, and the row gets another chance.
    fn with_memory(&mut self, input: &BatchInput) -> Result<Array<f32>, RunError> {
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
            self.with_memory(self.input)
        } else {
            match self.input.copy_rows(rows.start, rows.len()) {
                Some(part) => self.with_memory(&part),
                None => Err(RunError::Refused("the batch has fewer rows than its jobs".to_owned())),
            }
        };
        let busy = started.elapsed();
        self.busy += busy;
        match &answer {
            Ok(_) => self.model.capacity.ran(rows.len()),
            Err(RunError::DeviceLost(_)) => {}
            Err(RunError::OutOfMemory) => {
                let limit = self.model.capacity.too_many(rows.len());
                warn!(model = self.model.id, rows = rows.len(), limit, "out of memory: smaller batches from now on");
            }
            Err(error) => warn!(model = self.model.id, rows = rows.len(), %error, "a batch failed"),
        }
        (answer, busy)
    }
}

/// What a client hears of it.
pub(super) fn failure(error: &RunError) -> Failure {
    match error {
        RunError::Refused(line) => Failure::new(FailureCode::ExecutionFailed, line.clone()),
        RunError::OutOfMemory => {
            Failure::new(FailureCode::OutOfMemory, "the device has too little memory for this input")
        }
        // Nothing is stored of it: its jobs are handed back before anybody is told.
        RunError::DeviceLost(_) => Failure::new(FailureCode::ExecutionFailed, "the device was lost: send it again"),
    }
}
