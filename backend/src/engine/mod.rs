//! What runs a batch: tch, or a stand-in whose answers are a function of its input.

mod deterministic;
#[cfg(feature = "tch")]
pub mod torch;

pub use deterministic::{ANSWER_NAN, DeterministicEngine, FAIL_BATCH};

use crate::{
    array::Array,
    features::BatchInput,
    model::{Model, ModelError},
};

/// Runs batches on one device. It lives on one thread, and nothing else touches the device.
pub trait Engine: Send {
    /// The device, for logs: `cpu`, `cuda:0`.
    fn device(&self) -> String;

    /// Reads a model's weights and warms it up.
    fn load(&mut self, model: &Model) -> Result<(), ModelError>;

    /// Runs a loaded model: as many rows out as in.
    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError>;
}

/// Why a batch did not run. Its jobs are then tried one by one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The model refused: the text may be shown to the client.
    #[error("{0}")]
    Refused(String),
    /// The device has too little memory.
    #[error("out of memory")]
    OutOfMemory,
}
