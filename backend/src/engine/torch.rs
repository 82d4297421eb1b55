//! The engine that runs TorchScript.

mod cuda;
mod weights;

use std::collections::HashMap;

use tch::{CModule, Cuda, Device, Kind, TchError, Tensor};

use super::{Engine, RunError};
use crate::{
    array::Array,
    features::{BatchInput, Features},
    model::{Model, ModelError, Task},
};

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
    modules: HashMap<String, CModule>,
}

impl TorchEngine {
    /// Opens the device. Must come before every other use of torch: whether CUDA is there is asked once and for good.
    pub fn open(choice: DeviceChoice, threads: usize) -> Result<Self, DeviceError> {
        let device = match choice {
            DeviceChoice::Cpu => Device::Cpu,
            DeviceChoice::Auto | DeviceChoice::Cuda => match cuda::load() {
                Ok(()) if Cuda::is_available() => Device::Cuda(0),
                Ok(()) if choice == DeviceChoice::Cuda => return Err(DeviceError("no device".to_owned())),
                Err(error) if choice == DeviceChoice::Cuda => return Err(DeviceError(error)),
                Ok(()) | Err(_) => Device::Cpu,
            },
        };
        tch::set_num_threads(i32::try_from(threads).unwrap_or(1));
        Ok(Self { device, modules: HashMap::new() })
    }

    fn forward(&self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        // Thread-local, so it is taken where the model runs.
        let _no_grad = tch::no_grad_guard();
        let module = self.modules.get(&model.id).ok_or_else(|| RunError::Refused("model not loaded".to_owned()))?;
        let inputs = self.tensors(input).map_err(run_error)?;
        let output = module.forward_ts(&inputs).map_err(run_error)?;
        let array = read(&output).map_err(run_error)?;
        if array.rows() == input.rows() {
            Ok(array)
        } else {
            let (found, expected) = (array.rows(), input.rows());
            Err(RunError::Refused(format!("RuntimeError: the model answered {found} rows to {expected}")))
        }
    }

    fn tensors(&self, input: &BatchInput) -> Result<Vec<Tensor>, TchError> {
        let place = |tensor: Tensor, shape: &[usize]| {
            let shape: Vec<i64> = shape.iter().map(|side| *side as i64).collect();
            tensor.f_reshape(shape)?.f_to(self.device)
        };
        Ok(match input {
            BatchInput::Rows(rows) => vec![place(Tensor::f_from_slice(rows.data())?, rows.shape())?],
            BatchInput::Tokens { ids, mask } => vec![
                place(Tensor::f_from_slice(ids.data())?, ids.shape())?,
                place(Tensor::f_from_slice(mask.data())?, mask.shape())?,
            ],
        })
    }
}

impl Engine for TorchEngine {
    fn device(&self) -> String {
        match self.device {
            Device::Cuda(index) => format!("cuda:{index}"),
            _ => "cpu".to_owned(),
        }
    }

    fn load(&mut self, model: &Model) -> Result<(), ModelError> {
        let file = &model.manifest.weights;
        if let Some(expected) = &model.manifest.weights_sha256 {
            weights::verify(file, expected)?;
        }
        let mut module = CModule::load_on_device(file, self.device)
            .map_err(|error| ModelError(format!("{}: {}", file.display(), first_line(&error))))?;
        module.f_set_eval().map_err(|error| ModelError(first_line(&error)))?;
        self.modules.insert(model.id.clone(), module);
        // The first calls of a module are slow, and better now than under a job.
        let sample = sample(&model.manifest.task);
        for input in [&sample, &sample].into_iter().flatten() {
            if let Err(error) = self.forward(model, input) {
                self.modules.remove(&model.id);
                return Err(ModelError(format!("{}: warm-up: {error}", file.display())));
            }
        }
        Ok(())
    }

    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        self.forward(model, input)
    }
}

/// One row of what the model takes.
fn sample(task: &Task) -> Option<BatchInput> {
    let shape = match task {
        Task::TextEmbed(_) => return BatchInput::assemble([&Features::Tokens(vec![1; 8])]),
        Task::ImageClassify(table) => vec![1, 3, table.crop as usize, table.crop as usize],
        Task::ImageGenerate(table) => std::iter::once(1).chain(table.noise_shape.iter().copied()).collect(),
        Task::Tensor(table) => std::iter::once(1).chain(table.shape.iter().copied()).collect(),
    };
    let count = shape.iter().product();
    Array::new(shape, vec![0.0; count]).map(BatchInput::Rows)
}

fn read(output: &Tensor) -> Result<Array<f32>, TchError> {
    let output = output.f_to_kind(Kind::Float)?.f_to(Device::Cpu)?.f_contiguous()?;
    let mut data = vec![0.0; output.numel()];
    output.f_copy_data(&mut data, output.numel())?;
    let shape = output.size().iter().map(|side| usize::try_from(*side).unwrap_or(0)).collect();
    Array::new(shape, data).ok_or_else(|| TchError::Shape("the output has no rows".to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn run_error(error: TchError) -> RunError {
    let text = error.to_string();
    if text.contains("CUDA out of memory") || text.contains("DefaultCPUAllocator: can't allocate memory") {
        RunError::OutOfMemory
    } else {
        RunError::Refused(first_line(&error))
    }
}

/// Torch's errors are kilobytes of C++ frames; one line says what a client can use.
fn first_line(error: &TchError) -> String {
    let text = error.to_string();
    let line = text.lines().map(str::trim).find(|line| line.starts_with("RuntimeError:"));
    line.unwrap_or("RuntimeError: the model cannot run this input").chars().take(300).collect()
}
