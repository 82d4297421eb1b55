//! What the service says of a caller's account and its own models, read leniently.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// How a caller stands with its limits.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Quota {
    /// The account whose jobs are counted together.
    pub account: String,
    /// The plan that names its limits.
    pub plan: String,
    /// Each limit of the plan, as it stands.
    pub limits: Vec<Limit>,
    /// Limits that many callers share and whose keeper did not answer.
    pub unknown: Vec<String>,
}

/// One limit, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Limit {
    /// Its name, as refusals have it.
    pub name: String,
    /// What is counted together.
    pub dimension: String,
    /// `requests` or `cost`.
    pub unit: String,
    /// The most that is allowed, in `unit`.
    pub limit: u64,
    /// What is used of it.
    pub used: u64,
    /// What is left of it.
    pub remaining: u64,
    /// When nothing of it is used any more, in milliseconds since the epoch.
    pub resets_ms: Option<u64>,
}

/// What a caller may ask for.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Models {
    /// The models that the plan offers.
    pub models: Vec<Model>,
}

/// A model, and what it takes.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Model {
    /// What to ask for.
    pub name: String,
    /// The version that answers to the name alone.
    pub version: String,
    /// What it does, such as `image-classify`.
    pub task: String,
    /// What it does, in words.
    pub title: String,
    /// What kind of input it takes, and how much.
    pub input: ModelInput,
    /// Its parameters, by name, as `model.toml` declares them.
    pub parameters: BTreeMap<String, Value>,
}

/// What a model takes.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct ModelInput {
    /// `none`, `text`, `image` or `tensor`.
    pub kind: String,
    /// The most bytes that an input may have.
    pub max_bytes: u64,
}

/// What a submission would come to.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Foresight {
    /// `accept`, `join`, `cached`, `wait` or `refuse`.
    pub decision: String,
    /// The model that would run.
    pub model: String,
    /// The version that would run.
    pub version: String,
    /// The rule by which this version was chosen.
    pub because: Value,
    /// The queue that the job would wait in.
    pub lane: String,
    /// What limits would count.
    pub cost_ms: u64,
    /// Why it would be refused.
    pub problem: Option<super::problem::Problem>,
    /// Why something else would answer.
    pub degraded: Option<String>,
    /// How long limits would keep it waiting.
    pub wait: Option<ForeseenWait>,
}

/// A wait for a limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct ForeseenWait {
    /// Milliseconds until it passes, after all who wait already.
    pub expected_ms: u64,
    /// The most milliseconds that it would be kept.
    pub most_ms: u64,
}

/// What an account used, a day and model each.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// One entry a day and model.
    pub days: Vec<UsageDay>,
}

/// One day of one model.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct UsageDay {
    /// `YYYY-MM-DD`, in UTC.
    pub day: String,
    /// The model that was used.
    pub model: String,
    /// Jobs that ended with a result.
    pub succeeded: u64,
    /// Jobs that ran and failed.
    pub failed: u64,
    /// Jobs that were called off.
    pub canceled: u64,
    /// Jobs whose deadline passed before they began.
    pub expired: u64,
    /// Submissions that were answered by what was there.
    pub cached: u64,
    /// Jobs that something else answered than was asked for.
    pub degraded: u64,
    /// Milliseconds on the device.
    pub device_ms: f64,
}
