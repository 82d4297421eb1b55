//! The engine that runs TorchScript.

mod cuda;
mod memory;
mod tensors;
mod warm_up;
mod weights;

use std::collections::HashMap;

use tch::{CModule, Cuda, Device, Kind, TchError, Tensor};

use super::{
    Engine, RunError,
    trouble::{self, Place, Trouble},
};
use crate::{
    array::Array,
    features::BatchInput,
    model::{Model, ModelError, Task},
};

pub use weights::LoadLimits;

/// Which device is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DeviceChoice {
    /// CUDA where it is found, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// CUDA; without it the worker does not start.
    Cuda,
}

/// CUDA was asked for and is not there.
#[derive(Debug, thiserror::Error)]
#[error(
    "device: found no CUDA device ({0}); allowed here are auto and cpu. Is the full torch's lib folder in LD_LIBRARY_PATH?"
)]
pub struct DeviceError(String);

/// TorchScript on one device.
pub struct TorchEngine {
    device: Device,
    limits: LoadLimits,
    modules: HashMap<String, Loaded>,
}

struct Loaded {
    module: CModule,
    /// What its floats are.
    kind: Kind,
}

impl TorchEngine {
    /// Opens the first device. Must come before every other use of torch: whether CUDA is there is asked once and for
    /// good.
    pub fn open(choice: DeviceChoice, threads: usize) -> Result<Self, DeviceError> {
        let device = devices(choice)?.into_iter().next().unwrap_or(Device::Cpu);
        tch::set_num_threads(i32::try_from(threads).unwrap_or(1));
        Ok(Self { device, limits: LoadLimits::default(), modules: HashMap::new() })
    }

    /// Opens every CUDA device, or the CPU as one. As [`TorchEngine::open`], before every other use of torch.
    pub fn open_all(choice: DeviceChoice, threads: usize, limits: LoadLimits) -> Result<Vec<Self>, DeviceError> {
        let devices = devices(choice)?;
        tch::set_num_threads(i32::try_from(threads).unwrap_or(1));
        Ok(devices.into_iter().map(|device| Self { device, limits, modules: HashMap::new() }).collect())
    }

    fn forward(&self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        // Thread-local, so it is taken where the model runs.
        let _no_grad = tch::no_grad_guard();
        let loaded = self.modules.get(&model.id).ok_or_else(|| RunError::Refused("model not loaded".to_owned()))?;
        let run_error = |error| run_error(error, self.device);
        let inputs = tensors::place(input, self.device, loaded.kind).map_err(run_error)?;
        let output = loaded.module.forward_ts(&inputs).map_err(run_error)?;
        let output = match (&model.manifest.task, inputs.as_slice()) {
            // Only the next token's logits leave the device.
            (Task::TextGenerate(..), [_, mask]) => tensors::next_token(output, mask).map_err(run_error)?,
            _ => output,
        };
        let array = tensors::read(&output).map_err(run_error)?;
        if array.rows() == input.rows() {
            Ok(array)
        } else {
            let (found, expected) = (array.rows(), input.rows());
            Err(RunError::Refused(format!("RuntimeError: the model answered {found} rows to {expected}")))
        }
    }
}

impl Engine for TorchEngine {
    fn device(&self) -> String {
        match self.device {
            Device::Cuda(index) => format!("cuda:{index}"),
            _ => "cpu".to_owned(),
        }
    }

    /// Torch does not tell how much memory a GPU has: there, what fits is found out by trying.
    fn memory(&self) -> Option<u64> {
        if self.device == Device::Cpu { memory::half_of_ram() } else { None }
    }

    fn footprint(&self, model: &Model) -> u64 {
        std::fs::metadata(&model.manifest.weights).map_or(0, |file| file.len())
    }

    fn load(&mut self, model: &Model) -> Result<(), ModelError> {
        let module = weights::load(&model.manifest, self.device, self.limits)?;
        let kind = weights::kind(model.manifest.precision);
        self.modules.insert(model.id.clone(), Loaded { module, kind });
        let warm = warm_up::run(model, |input| self.forward(model, input));
        if warm.is_err() {
            self.modules.remove(&model.id);
        }
        warm
    }

    fn unload(&mut self, id: &str) {
        self.modules.remove(id);
    }

    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        self.forward(model, input)
    }
}

fn devices(choice: DeviceChoice) -> Result<Vec<Device>, DeviceError> {
    if choice == DeviceChoice::Cpu {
        return Ok(vec![Device::Cpu]);
    }
    let found = cuda::load().map(|()| Cuda::device_count());
    match found {
        Ok(count @ 1..) if Cuda::is_available() => {
            Ok((0..usize::try_from(count).unwrap_or(1)).map(Device::Cuda).collect())
        }
        Ok(_) if choice == DeviceChoice::Cuda => Err(DeviceError("no device".to_owned())),
        Err(error) if choice == DeviceChoice::Cuda => Err(DeviceError(error)),
        Ok(_) | Err(_) => Ok(vec![Device::Cpu]),
    }
}

/// What went wrong in a call on `device`.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn run_error(error: TchError, device: Device) -> RunError {
    match trouble_of(&error, device) {
        Trouble::OutOfMemory => RunError::OutOfMemory,
        Trouble::DeviceLost => RunError::DeviceLost(error.to_string().chars().take(MOST_TOLD).collect()),
        Trouble::Refused => RunError::Refused(first_line(&error)),
    }
}

fn trouble_of(error: &TchError, device: Device) -> Trouble {
    let place = if device == Device::Cpu { Place::Cpu } else { Place::Cuda };
    trouble::confirmed(&error.to_string(), place, || answers(device).map_err(|error| error.to_string()))
}

/// Has the device hold a number and give it back, for which all that it was asked before must be done.
fn answers(device: Device) -> Result<(), TchError> {
    Tensor::f_from_slice(&[1.0_f32])?.f_to(device)?.f_to(Device::Cpu).map(drop)
}

/// The longest text of torch in the log.
const MOST_TOLD: usize = 8 << 10;

/// Torch's errors are kilobytes of C++ frames; one line says what a client can use.
fn first_line(error: &TchError) -> String {
    let text = error.to_string();
    let line = text.lines().map(str::trim).find(|line| line.starts_with("RuntimeError:"));
    line.unwrap_or("RuntimeError: the model cannot run this input").chars().take(300).collect()
}
