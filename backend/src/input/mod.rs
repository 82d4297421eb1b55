//! From a payload to [`Features`]: one file a kind of input. Pure: bytes in, numbers or a [`Failure`] out.

mod audio;
pub(crate) mod noise;
mod picture;
mod tensor;
mod text;

use forebay_contract::{FailureCode, InputKind, MediaType, ParameterSpec, ParameterValue, Parameters};

pub use picture::pixels;

use crate::{
    array::Array,
    failure::Failure,
    features::Features,
    model::{Model, StepsTable, Task},
};

/// One job's input, ready for its model.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The input as numbers.
    pub features: Features,
    /// Whether the input has more than the model reads: the result says so.
    pub truncated: bool,
}

impl Prepared {
    fn whole(features: Features) -> Self {
        Self { features, truncated: false }
    }
}

/// Turns one payload into what `model` takes.
pub fn prepare(model: &Model, payload: &[u8], parameters: &Parameters) -> Result<Prepared, Failure> {
    // Without a default, the edge draws one: a worker that made one up would store another result under the same name.
    let drawn = |spec: &ParameterSpec| matches!(spec, ParameterSpec::Integer { default: None, .. });
    let mut specs = model.manifest.spec.parameters.iter();
    if let Some((missing, _)) = specs.find(|(name, spec)| drawn(spec) && !parameters.contains_key(*name)) {
        let detail = format!("the parameter `{missing}` is missing");
        return Err(Failure::new(FailureCode::ParameterMissing, detail));
    }
    match &model.manifest.task {
        Task::ImageClassify(table) => {
            let limits = model.manifest.spec.input.image;
            picture::prepare(payload, table, limits).map(Features::Rows).map(Prepared::whole)
        }
        Task::TextEmbed(table) => {
            let text::Tokens { ids, truncated } = text::prepare(payload, model.tokenizer.as_ref(), table)?;
            Ok(Prepared { features: Features::Tokens(ids), truncated })
        }
        Task::ImageGenerate(table) => {
            let seed = whole(parameters, "seed").unwrap_or(0);
            let count = count(parameters);
            let row: usize = table.noise_shape.iter().product();
            let shape = std::iter::once(count).chain(table.noise_shape.iter().copied()).collect();
            rows(shape, noise::normal(seed as u64, count.saturating_mul(row))).map(Prepared::whole)
        }
        Task::Tensor(table) => {
            let shape = std::iter::once(1).chain(table.shape.iter().copied()).collect();
            rows(shape, tensor::prepare(payload, &table.shape)?).map(Prepared::whole)
        }
        Task::ImageUpscale(table) => {
            let limits = model.manifest.spec.input.image;
            picture::whole(payload, table, limits).map(Features::Rows).map(Prepared::whole)
        }
        Task::TextGenerate(table, steps) => {
            if let Some((asked, context)) = beyond_context(steps, parameters) {
                let detail =
                    format!("{asked} new tokens leave the text no room among the {context} that the model holds");
                return Err(Failure::new(FailureCode::ContextExceeded, detail));
            }
            let text::Tokens { mut ids, truncated } = text::prompt(payload, model.tokenizer.as_ref(), table)?;
            // What is continued is the end.
            let begin = model.marks.begin;
            let others = steps.wanted(parameters).saturating_add(usize::from(begin.is_some()));
            let most = steps.context.map_or(usize::MAX, |context| context.saturating_sub(others)).max(1);
            let over = ids.len().saturating_sub(most);
            ids.drain(..over);
            let features = Features::Tokens(begin.into_iter().chain(ids).collect());
            Ok(Prepared { features, truncated: truncated || over > 0 })
        }
        Task::AudioClassify(table) => {
            let (array, truncated) = audio::prepare(payload, table)?;
            Ok(Prepared { features: Features::Rows(array), truncated })
        }
    }
}

/// The most bytes that an input of `model` takes once it is prepared, whatever its payload says.
pub fn most_bytes(model: &Model, parameters: &Parameters) -> usize {
    let numbers = match &model.manifest.task {
        Task::ImageClassify(table) => (table.crop as usize).saturating_pow(2).saturating_mul(3),
        Task::ImageUpscale(_) => {
            let pixels = model.manifest.spec.input.image.map_or(0, |limits| limits.max_pixels);
            usize::try_from(pixels).unwrap_or(usize::MAX).saturating_mul(3)
        }
        Task::ImageGenerate(table) => {
            table.noise_shape.iter().fold(count(parameters), |all, side| all.saturating_mul(*side))
        }
        Task::Tensor(table) => table.shape.iter().fold(1_usize, |all, side| all.saturating_mul(*side)),
        Task::AudioClassify(table) => table.samples,
        // Ids are as wide as two numbers; one may be put before them.
        Task::TextEmbed(table) | Task::TextGenerate(table, _) => table.max_tokens.saturating_add(1).saturating_mul(2),
    };
    numbers.saturating_mul(size_of::<f32>())
}

/// How many pictures a job is to make.
fn count(parameters: &Parameters) -> usize {
    usize::try_from(whole(parameters, "count").unwrap_or(1)).unwrap_or(1).clamp(1, MAX_COUNT)
}

/// Whether a payload is what its sender said; what is not known to be something else passes.
pub fn check_label(media_type: MediaType, payload: &[u8]) -> Result<(), Failure> {
    let encoded = matches!(media_type.kind(), InputKind::Image | InputKind::Audio);
    match MediaType::of_content(payload).filter(|found| encoded && *found != media_type) {
        None => Ok(()),
        Some(found) => {
            let detail = format!("this was sent as {} and is {}", media_type.name(), found.name());
            Err(Failure::new(FailureCode::InputMislabelled, detail))
        }
    }
}

/// The most pictures of one job: what a contact sheet holds.
pub const MAX_COUNT: usize = 64;

/// The edge has looked already, by the catalog that it had.
fn beyond_context(steps: &StepsTable, parameters: &Parameters) -> Option<(i64, usize)> {
    let context = steps.context?;
    let asked = whole(parameters, "max_tokens")?;
    usize::try_from(asked).is_ok_and(|asked| asked >= context).then_some((asked, context))
}

fn whole(parameters: &Parameters, name: &str) -> Option<i64> {
    match parameters.get(name)? {
        ParameterValue::Integer(number) => Some(*number),
        _ => None,
    }
}

fn rows(shape: Vec<usize>, data: Vec<f32>) -> Result<Features, Failure> {
    let wrong = || Failure::new(FailureCode::ExecutionFailed, "the model's declared shape does not fit its input");
    Array::new(shape, data).map(Features::Rows).ok_or_else(wrong)
}
