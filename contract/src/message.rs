use serde::{Deserialize, Serialize};

use crate::{Digest, InputRef, JobId, Parameters};

/// What travels through a lane: everything a worker needs to run one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobMessage {
    /// The job.
    pub job_id: JobId,
    /// Whose job it is: workers are fair between accounts.
    pub account: String,
    /// The model's name.
    pub model: String,
    /// The model's version.
    pub version: String,
    /// Resolved parameters: complete, canonical.
    pub parameters: Parameters,
    /// The input.
    pub input: InputRef,
    /// The name the result is stored under.
    pub digest: Digest,
    /// Predicted device milliseconds.
    pub cost_ms: f64,
    /// When the edge accepted the job.
    pub accepted_ms: u64,
    /// From when on nobody wants the result, if the client said so: milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// W3C trace context of the request, if it brought one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// The wire form: the version is a tag, so that old workers refuse what they cannot know.
#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum Versioned<Message> {
    #[serde(rename = "forebay.job.v1")]
    V1(Message),
}

/// The bytes are not a job message this build can read.
#[derive(Debug, thiserror::Error)]
#[error("not a job message: {0}")]
pub struct MessageError(#[from] serde_json::Error);

impl JobMessage {
    /// The message body.
    pub fn to_json(&self) -> Result<String, MessageError> {
        Ok(serde_json::to_string(&Versioned::V1(self))?)
    }

    /// Reads a message body.
    pub fn from_json(body: &str) -> Result<Self, MessageError> {
        let Versioned::V1(message) = serde_json::from_str(body)?;
        Ok(message)
    }
}
