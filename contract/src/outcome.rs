use serde::{Deserialize, Serialize};

use crate::JobId;

/// Why a job failed: a closed list, shown to clients as `failure.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// The picture is truncated or broken.
    ImageUndecodable,
    /// The picture has more pixels than the model takes.
    ImageTooLarge,
    /// The picture has a side shorter than the model takes.
    ImageTooSmall,
    /// The picture is of a kind that is not read, such as CMYK.
    ImageUnsupported,
    /// The picture moves: models look at one.
    ImageAnimated,
    /// The picture or sound is of another kind than was said.
    InputMislabelled,
    /// The text cannot be made into tokens.
    TextInvalid,
    /// There is no text but white space.
    TextEmpty,
    /// The text has more characters than the model takes.
    TextTooLong,
    /// The text is not UTF-8.
    TextNotUtf8,
    /// The new tokens that are asked for leave the text no room in the model's context.
    ContextExceeded,
    /// The tensor is not a JSON array.
    TensorInvalid,
    /// The tensor has another shape than was declared.
    TensorShape,
    /// The tensor holds something else than numbers.
    TensorType,
    /// The tensor holds NaN, infinity or a number beyond `f32`.
    TensorNotFinite,
    /// The sound is truncated or broken.
    AudioUndecodable,
    /// The sound is of a kind that is not read, or of another sample rate.
    AudioUnsupported,
    /// The model does not take this kind of input.
    InputMismatch,
    /// A parameter that has no default is missing.
    ParameterMissing,
    /// The input's object is gone from the bucket, or is not what was accepted.
    InputMissing,
    /// The model version is not there or could not be loaded.
    ModelUnavailable,
    /// The model refused this input.
    ExecutionFailed,
    /// The model answered NaN or infinity.
    OutputInvalid,
    /// The device has too little memory even for this job alone.
    OutOfMemory,
    /// The lane's queue refuses the job's message for what is in it, or for its length.
    Undeliverable,
    /// The job takes longer than any job may.
    WorkTooLong,
    /// Workers took the job several times and none finished it, or none before its deadline.
    Abandoned,
}

impl FailureCode {
    /// The name in JSON and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::ImageUndecodable => "image-undecodable",
            Self::ImageTooLarge => "image-too-large",
            Self::ImageTooSmall => "image-too-small",
            Self::ImageUnsupported => "image-unsupported",
            Self::TextInvalid => "text-invalid",
            Self::TensorInvalid => "tensor-invalid",
            Self::ImageAnimated => "image-animated",
            Self::InputMislabelled => "input-mislabelled",
            Self::TextEmpty => "text-empty",
            Self::TextTooLong => "text-too-long",
            Self::TextNotUtf8 => "text-not-utf8",
            Self::ContextExceeded => "context-exceeded",
            Self::TensorShape => "tensor-shape",
            Self::TensorType => "tensor-type",
            Self::TensorNotFinite => "tensor-not-finite",
            Self::AudioUndecodable => "audio-undecodable",
            Self::AudioUnsupported => "audio-unsupported",
            Self::InputMismatch => "input-mismatch",
            Self::ParameterMissing => "parameter-missing",
            Self::InputMissing => "input-missing",
            Self::ModelUnavailable => "model-unavailable",
            Self::ExecutionFailed => "execution-failed",
            Self::OutputInvalid => "output-invalid",
            Self::OutOfMemory => "out-of-memory",
            Self::Undeliverable => "undeliverable",
            Self::WorkTooLong => "work-too-long",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether the same job may succeed when sent again.
    pub fn retryable(self) -> bool {
        matches!(self, Self::InputMissing | Self::ModelUnavailable | Self::OutOfMemory | Self::Abandoned)
    }
}

/// A stored failure: the JSON at [`crate::storage_key::failure`] and within reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobFailure {
    /// The job that failed.
    pub job_id: JobId,
    /// Why, for programs.
    pub code: FailureCode,
    /// Why and what to do, for people. Holds nothing internal.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json() {
        for code in [
            FailureCode::ImageUndecodable,
            FailureCode::TextNotUtf8,
            FailureCode::TensorNotFinite,
            FailureCode::InputMislabelled,
            FailureCode::OutOfMemory,
            FailureCode::ContextExceeded,
            FailureCode::WorkTooLong,
            FailureCode::Abandoned,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
    }
}
