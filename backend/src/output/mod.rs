//! From a model's rows to a result's body: one file a kind of output. Pure.

mod classes;
mod nested;
mod sheet;

use bytes::Bytes;
use forebay_contract::{FailureCode, ParameterValue, Parameters};
use serde::Serialize;

use crate::{
    array::Array,
    failure::Failure,
    model::{Model, Task},
};

/// A result as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Its `Content-Type`.
    pub media_type: &'static str,
    /// What clients get.
    pub body: Bytes,
}

/// What a model answered to one job.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The job's own rows of the model's output.
    Rows(Array<f32>),
    /// The tokens that were added to the job's text.
    Text(Continuation),
}

/// How a text goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// The added tokens, without the one that ended them.
    pub tokens: Vec<u32>,
    /// Why there are no more.
    pub finish: Finish,
}

/// Why a text ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model ended it.
    Stop,
    /// It has as many tokens as were asked for.
    Length,
}

const JSON: &str = "application/json";

/// Renders what a model answered to one job; `truncated`: to a part of its input.
pub fn render_answer(
    model: &Model,
    answer: &Answer,
    parameters: &Parameters,
    truncated: bool,
) -> Result<Rendered, Failure> {
    match answer {
        Answer::Rows(output) => render(model, output, parameters, truncated),
        Answer::Text(continuation) => render_text(model, continuation, truncated),
    }
}

fn render_text(model: &Model, continuation: &Continuation, truncated: bool) -> Result<Rendered, Failure> {
    let Continuation { tokens, finish } = continuation;
    let unavailable = || Failure::new(FailureCode::ModelUnavailable, "the model has no tokenizer");
    let invalid = || Failure::new(FailureCode::OutputInvalid, "the model's tokens are not those of its tokenizer");
    let tokenizer = model.tokenizer.as_ref().ok_or_else(unavailable)?;
    let text = tokenizer.decode(tokens, true).map_err(|_| invalid())?;
    json(&Text { text, tokens: tokens.len(), finish: *finish, truncated })
}

/// Renders one job's rows; NaN and infinity are failures.
pub fn render(
    model: &Model,
    output: &Array<f32>,
    parameters: &Parameters,
    truncated: bool,
) -> Result<Rendered, Failure> {
    if !output.data().iter().all(|number| number.is_finite()) {
        return Err(Failure::new(FailureCode::OutputInvalid, "the model answered NaN or infinity"));
    }
    match &model.manifest.task {
        Task::ImageClassify(_) | Task::AudioClassify(_) => {
            let top_k = match parameters.get("top_k") {
                Some(ParameterValue::Integer(top_k)) => usize::try_from(*top_k).unwrap_or(DEFAULT_TOP_K),
                _ => DEFAULT_TOP_K,
            };
            json(&Classes { classes: classes::top(output.data(), &model.labels, top_k), truncated })
        }
        Task::TextEmbed(_) => json(&Embedding { embedding: output.data(), truncated }),
        Task::Tensor(_) => json(&Numbers { output: nested::Nested::new(output.row_shape(), output.data()) }),
        Task::ImageGenerate(table) => {
            let body = sheet::png(output, table.range).ok_or_else(unexpected_shape)?;
            Ok(Rendered { media_type: "image/png", body: body.into() })
        }
        Task::ImageUpscale(table) => {
            let body = sheet::png(output, table.range).ok_or_else(unexpected_shape)?;
            Ok(Rendered { media_type: "image/png", body: body.into() })
        }
        Task::TextGenerate(..) => Err(unexpected_shape()),
    }
}

const DEFAULT_TOP_K: usize = 5;

// `truncated` stands in a result where it is true and nowhere else: what was stored before anybody said so is, letter by
// letter, what is stored for a whole input today.

#[derive(Serialize)]
struct Classes<'a> {
    classes: Vec<classes::Class<'a>>,
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
}

#[derive(Serialize)]
struct Text {
    text: String,
    tokens: usize,
    finish: Finish,
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
}

#[derive(Serialize)]
struct Embedding<'a> {
    embedding: &'a [f32],
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(truncated: &bool) -> bool {
    !truncated
}

#[derive(Serialize)]
struct Numbers<'a> {
    output: nested::Nested<'a>,
}

fn json(value: &impl Serialize) -> Result<Rendered, Failure> {
    let body = serde_json::to_vec(value).map_err(|_| unexpected_shape())?;
    Ok(Rendered { media_type: JSON, body: body.into() })
}

fn unexpected_shape() -> Failure {
    Failure::new(FailureCode::OutputInvalid, "the model's output is not of the shape its task has")
}
