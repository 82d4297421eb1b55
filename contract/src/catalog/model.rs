use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{InputKind, MediaType, ParameterSpec, Parameters, WorkClass};

/// What clients may ask of one model version: the `[model]` table of its `model.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// The name clients use: lower-case letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// The version: the same characters. Weights never change under a version.
    pub version: String,
    /// What the model does, in one word for people and consoles, such as `image-classify`.
    pub task: String,
    /// One line about the model.
    pub title: String,
    /// The licence of the weights, as an SPDX expression.
    pub licence: String,
    /// The half of the lane that the model decides.
    pub work: WorkClass,
    /// Whether results may be shared between accounts.
    #[serde(default)]
    pub shareable: bool,
    /// Predicted device milliseconds of one job alone.
    pub cost_ms: f64,
    /// The parameter that counts how often the model runs for one job, if it has one: it multiplies the cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_parameter: Option<String>,
    /// What the model reads.
    pub input: InputSpec,
    /// Parameter name → what is allowed.
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterSpec>,
}

/// What a model reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// The kind of thing.
    pub kind: InputKind,
    /// The most bytes of one input, decoded from JSON; at most 10 MB, the service's bound.
    pub max_bytes: u64,
    /// What pictures are taken; images only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageLimits>,
    /// What texts are taken; texts only. The compiled catalog has it from the model's `[text]` table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextLimits>,
}

/// What texts a model takes, besides that they are not blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TextLimits {
    /// The most characters; what is longer is refused.
    pub max_chars: u32,
    /// The most tokens; what is longer is cut, and the result says so.
    pub max_tokens: u32,
    /// The most tokens of a text together with those that continue it, where the model's `[steps]` table says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u32>,
}

/// The longest that a job's predicted time on the device may be, in milliseconds: ten hours. SQS lets nobody hold a
/// message for longer than twelve hours from its receipt, however often that is extended; then it is delivered anew, and
/// the work would begin from nothing. What is left is for waiting at the worker and for a device that is slower than the
/// manifest says.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>
pub const LONGEST_WORK_MS: f64 = 10.0 * 3_600_000.0;

/// What pictures a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ImageLimits {
    /// The shortest side, in pixels.
    pub min_side: u32,
    /// The most pixels, width × height.
    pub max_pixels: u64,
}

impl ModelSpec {
    /// Whether the model reads `media_type`.
    pub fn takes(&self, media_type: MediaType) -> bool {
        media_type.kind() == self.input.kind
    }

    /// Predicted device milliseconds of a job with these parameters.
    pub fn predicted_cost_ms(&self, parameters: &Parameters) -> f64 {
        let times = self.cost_parameter.as_ref().and_then(|name| parameters.get(name));
        match times {
            Some(crate::ParameterValue::Integer(times)) => self.cost_ms * (*times).max(1) as f64,
            _ => self.cost_ms,
        }
    }

    /// The most that the parameter which multiplies the cost may be, so that the job does not take too long.
    pub fn most_of_cost_parameter(&self) -> i64 {
        // Saturates; a cost is above 0.
        (LONGEST_WORK_MS / self.cost_ms).floor() as i64
    }

    /// How many new tokens a job with these parameters asks for, where the model continues texts and that would leave
    /// the text no room in its context.
    pub fn beyond_context(&self, parameters: &Parameters) -> Option<(i64, u32)> {
        let context = self.input.text?.context?;
        match parameters.get("max_tokens") {
            Some(crate::ParameterValue::Integer(asked)) if *asked >= i64::from(context) => Some((*asked, context)),
            _ => None,
        }
    }
}
