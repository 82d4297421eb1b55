//! The engine that runs TorchScript.

mod cuda;
mod precision;
mod tensors;
mod warm_up;
mod weights;

use std::{collections::HashMap, path::Path};

use tch::{CModule, Cuda, Device, Kind, TchError, Tensor};

use super::{
    DeviceMemory, Engine, RunError,
    diagnosis::{self, Diagnosis, Site},
    gpu, memory,
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
    /// CUDA where there is an NVIDIA GPU, the CPU where there is none. A GPU that cannot be used is an error.
    Auto,
    /// CUDA where it can be used, else the CPU, also where there is a GPU.
    Any,
    /// The CPU.
    Cpu,
    /// CUDA; without it the worker does not start.
    Cuda,
}

/// CUDA is needed and cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// It was asked for.
    #[error(
        "device: found no CUDA device ({0}); allowed here are auto and cpu. Is the full torch's lib folder in \
         LD_LIBRARY_PATH?"
    )]
    NoCuda(String),
    /// It was not, but models would run on the CPU beside a GPU.
    #[error(
        "device: found an NVIDIA GPU ({gpu}) that CUDA cannot use: {why}. Update the driver, put the lib folder of a torch \
         2.11 made for CUDA into LD_LIBRARY_PATH, and give a container its GPUs; or allow the CPU with --device cpu, or \
         with --device any where only some machines have a GPU that works"
    )]
    Unusable {
        /// Where it is seen.
        gpu: String,
        /// What stands against it.
        why: String,
    },
}

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

    fn memory(&self) -> Option<u64> {
        match self.device {
            Device::Cuda(_) => self.device_memory().map(DeviceMemory::for_models),
            _ => memory::half_of_ram(),
        }
    }

    fn device_memory(&self) -> Option<DeviceMemory> {
        match self.device {
            Device::Cuda(index) => cuda::memory(index),
            _ => memory::of_machine(),
        }
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
    let found = cuda::load().and_then(|()| match usize::try_from(Cuda::device_count()) {
        Ok(count @ 1..) if Cuda::is_available() => Ok(count),
        _ => Err(cuda::why_no_device().unwrap_or_else(|| "no device".to_owned())),
    });
    choose(choice, found, || gpu::found(Path::new("/")))
}

/// `found`: how many CUDA devices, or why none. `gpu`: where one is seen, whether it can be used or not.
fn choose(
    choice: DeviceChoice,
    found: Result<usize, String>,
    gpu: impl FnOnce() -> Option<String>,
) -> Result<Vec<Device>, DeviceError> {
    match (choice, found) {
        (DeviceChoice::Cpu, _) | (DeviceChoice::Any, Err(_)) => Ok(vec![Device::Cpu]),
        (_, Ok(count)) => Ok((0..count).map(Device::Cuda).collect()),
        (DeviceChoice::Cuda, Err(why)) => Err(DeviceError::NoCuda(why)),
        (DeviceChoice::Auto, Err(why)) => match gpu() {
            Some(gpu) => Err(DeviceError::Unusable { gpu, why }),
            None => Ok(vec![Device::Cpu]),
        },
    }
}

/// What went wrong in a call on `device`.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn run_error(error: TchError, device: Device) -> RunError {
    match diagnosis_of(&error, device) {
        Diagnosis::OutOfMemory => RunError::OutOfMemory,
        Diagnosis::DeviceLost => RunError::DeviceLost(error.to_string().chars().take(MOST_LOGGED).collect()),
        Diagnosis::Refused => RunError::Refused(first_line(&error)),
    }
}

fn diagnosis_of(error: &TchError, device: Device) -> Diagnosis {
    let site = if device == Device::Cpu { Site::Cpu } else { Site::Cuda };
    diagnosis::confirmed(&error.to_string(), site, || answers(device).map_err(|error| error.to_string()))
}

/// Has the device hold a number and give it back, for which all that it was asked before must be done.
fn answers(device: Device) -> Result<(), TchError> {
    Tensor::f_from_slice(&[1.0_f32])?.f_to(device)?.f_to(Device::Cpu).map(drop)
}

/// The longest text of torch in the log.
const MOST_LOGGED: usize = 8 << 10;

/// Torch's errors are kilobytes of C++ frames; one line says what a client can use.
fn first_line(error: &TchError) -> String {
    let text = error.to_string();
    let line = text.lines().map(str::trim).find(|line| line.starts_with("RuntimeError:"));
    line.unwrap_or("RuntimeError: the model cannot run this input").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_cannot_be_used_is_never_passed_over_in_silence() {
        use DeviceChoice::{Any, Auto, Cpu, Cuda};
        let old = || Err("CUDA driver version is insufficient for CUDA runtime version".to_owned());
        let cuda = |count: usize| (0..count).map(Device::Cuda).collect::<Vec<_>>();
        for (choice, found, gpu, expect) in [
            (Auto, Ok(2), true, Some(cuda(2))),
            (Auto, old(), true, None),
            (Auto, old(), false, Some(vec![Device::Cpu])),
            (Any, Ok(1), true, Some(cuda(1))),
            (Any, old(), true, Some(vec![Device::Cpu])),
            (Cpu, Ok(1), true, Some(vec![Device::Cpu])),
            (Cuda, Ok(1), false, Some(cuda(1))),
            (Cuda, old(), false, None),
        ] {
            let devices = choose(choice, found.clone(), || gpu.then(|| "/dev/nvidia0".to_owned()));
            assert_eq!(devices.ok(), expect, "{choice:?} {found:?} {gpu}");
        }
        let words = choose(Auto, old(), || Some("/dev/nvidia0".to_owned())).unwrap_err().to_string();
        for part in ["/dev/nvidia0", "driver version is insufficient", "--device cpu"] {
            assert!(words.contains(part), "{part} in {words}");
        }
    }
}
