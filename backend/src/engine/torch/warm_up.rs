//! The first calls of a module are slow, and better at load than under a job.

use crate::{
    array::Array,
    engine::{RunError, diagnosis},
    features::{BatchInput, Features},
    model::{Checked, Model, ModelError, Task},
};

/// Two calls compile a module, a third shows nothing new.
const CALLS: usize = 2;
/// What a text is warmed up with, where the model holds so many.
const TOKENS: usize = 8;

/// Runs a batch of one and the largest batch. One that does not fit lowers the model's limit; any other failure is the
/// model's, unless it is the device's.
pub(super) fn run(
    model: &Model,
    mut forward: impl FnMut(&BatchInput) -> Result<Array<f32>, RunError>,
) -> Result<(), ModelError> {
    let what = |error: &dyn std::fmt::Display| format!("{}: warm-up: {error}", model.manifest.weights.display());
    // What was loaded was checked before, if it could be.
    let checked = if model.manifest.weights_sha256.is_some() { Checked::Yes } else { Checked::No };
    let broken = |error: &dyn std::fmt::Display| ModelError::refused(what(error), checked);
    let Some(row) = sample(&model.manifest.task) else {
        return Err(broken(&"the declared shape is too large"));
    };
    let mut rows = 1;
    loop {
        let input = BatchInput::assemble(std::iter::repeat_n(&row, rows));
        let input = input.ok_or_else(|| broken(&"the declared shape is too large"))?;
        let mut fits = true;
        for _ in 0..CALLS {
            match forward(&input) {
                Ok(_) => {}
                Err(RunError::OutOfMemory) if rows > 1 => {
                    model.capacity.too_many(rows);
                    fits = false;
                    break;
                }
                Err(RunError::OutOfMemory) => {
                    return Err(ModelError::out_of_memory(format!("{}: out of memory", model.id)));
                }
                Err(error @ RunError::DeviceLost(_)) => return Err(ModelError::device_lost(what(&error))),
                Err(RunError::Refused(line)) if is_of_cuda(&line) => return Err(ModelError::new(what(&line))),
                Err(error) => return Err(broken(&error)),
            }
        }
        let most = model.capacity.rows();
        if fits && rows >= most {
            return Ok(());
        }
        rows = most;
    }
}

/// A device may be too old for this build of torch, or lack what an operator needs: elsewhere the model may run.
fn is_of_cuda(line: &str) -> bool {
    line.strip_prefix("RuntimeError: ").is_some_and(diagnosis::is_of_cuda)
}

/// One row of what the model takes.
fn sample(task: &Task) -> Option<Features> {
    let shape = match task {
        Task::TextEmbed(_) => return Some(Features::Tokens(vec![1; TOKENS])),
        Task::TextGenerate(_, steps) => {
            let tokens = steps.context.map_or(TOKENS, |context| context.min(TOKENS));
            return Some(Features::Tokens(vec![1; tokens]));
        }
        Task::ImageClassify(table) => vec![1, 3, table.crop as usize, table.crop as usize],
        Task::ImageGenerate(table) => std::iter::once(1).chain(table.noise_shape.iter().copied()).collect(),
        Task::ImageUpscale(_) => vec![1, 3, 32, 32],
        Task::AudioClassify(table) => vec![1, table.samples],
        Task::Tensor(table) => std::iter::once(1).chain(table.shape.iter().copied()).collect(),
    };
    let count = shape.iter().product();
    Array::new(shape, vec![0.0; count]).map(Features::Rows)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::Manifest;

    fn model() -> Model {
        let text = "[model]\nname = \"m\"\nversion = \"1\"\ntask = \"tensor\"\ntitle = \"t\"\nlicence = \"MIT\"\n\
                    work = \"light\"\ncost_ms = 1.0\ninput = { kind = \"tensor\", max_bytes = 9 }\n\
                    [tensor]\nshape = [2]\n[batch]\nmax_items = 16\nmax_wait_ms = 1\n";
        Model::open(Manifest::parse(Path::new("m/1/model.toml"), text).unwrap()).unwrap()
    }

    fn batches(holds: usize, model: &Model) -> (Vec<usize>, Result<(), ModelError>) {
        let mut batches = Vec::new();
        let warm = run(model, |input| {
            batches.push(input.rows());
            if input.rows() > holds {
                return Err(RunError::OutOfMemory);
            }
            Ok(Array::new(vec![input.rows(), 1], vec![0.0; input.rows()]).unwrap())
        });
        (batches, warm)
    }

    #[test]
    fn the_smallest_and_the_largest_batch_are_run() {
        let (found, warm) = batches(16, &model());
        assert_eq!((found, warm.is_ok()), (vec![1, 1, 16, 16], true));
    }

    #[test]
    fn a_batch_that_does_not_fit_lowers_the_limit() {
        let model = model();
        let (found, warm) = batches(5, &model);
        assert_eq!((found, warm.is_ok(), model.capacity.rows()), (vec![1, 1, 16, 8, 4, 4], true, 4));
        let (found, warm) = batches(0, &self::model());
        assert_eq!((found, warm.unwrap_err().is_out_of_memory()), (vec![1], true));
    }

    #[test]
    fn a_model_that_refuses_its_own_shape_is_broken() {
        let warm = run(&model(), |_| Err(RunError::Refused("RuntimeError: no".to_owned())));
        let error = warm.unwrap_err();
        assert!(error.to_string().contains("warm-up: RuntimeError: no") && error.is_refusal(), "{error}");
    }

    #[test]
    fn what_the_device_refuses_is_not_the_models_fault() {
        let refused = "RuntimeError: CUDA error: no kernel image is available for execution on the device";
        let warm = run(&model(), |_| Err(RunError::Refused(refused.to_owned())));
        assert!(!warm.unwrap_err().is_refusal());
        let warm = run(&model(), |_| Err(RunError::DeviceLost("CUDA error: misaligned address".to_owned())));
        assert!(warm.unwrap_err().is_device_lost());
    }
}
