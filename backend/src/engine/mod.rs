//! What runs a batch: tch, or a stand-in whose answers are a function of its input.

mod deterministic;
mod devices;
#[cfg(any(feature = "tch", test))]
mod diagnosis;
pub(crate) mod gpu;
mod memory;
#[cfg(feature = "tch")]
pub mod torch;

pub use deterministic::{ANSWER_NAN, DeterministicEngine, FAIL_BATCH, HANG, HOLDS_AT_MOST, LOSE_DEVICE};
pub use devices::{Devices, Patience};
pub use memory::DeviceMemory;

use crate::{
    array::Array,
    features::BatchInput,
    model::{Model, ModelError},
};

/// Runs batches on one device. It lives on one thread, and nothing else touches the device.
pub trait Engine: Send {
    /// The device, for logs: `cpu`, `cuda:0`.
    fn device(&self) -> String;

    /// How many bytes of weights the device may hold, where that is known before it is tried.
    fn memory(&self) -> Option<u64> {
        None
    }

    /// What the device has of memory at the moment, all processes counted, where that is known.
    fn device_memory(&self) -> Option<DeviceMemory> {
        None
    }

    /// How many bytes of the device's memory a model's weights take.
    fn footprint(&self, _model: &Model) -> u64 {
        0
    }

    /// Reads a model's weights and warms it up.
    fn load(&mut self, model: &Model) -> Result<(), ModelError>;

    /// Frees a loaded model's memory; it may be loaded again later.
    fn unload(&mut self, _id: &str) {}

    /// Runs a loaded model: as many rows out as in.
    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError>;
}

/// Why a batch did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The model refused some of the rows: the text may be shown to the client.
    #[error("{0}")]
    Refused(String),
    /// The device has too little memory for so many rows.
    #[error("out of memory")]
    OutOfMemory,
    /// The device does nothing more for this process, whatever it is asked: nothing is known about the rows. The text is
    /// for the log.
    #[error("the device is lost: {0}")]
    DeviceLost(String),
}
