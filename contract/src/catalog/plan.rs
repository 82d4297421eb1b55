use serde::{Deserialize, Serialize};

use crate::PlanClass;

/// A named set of limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSpec {
    /// The half of the lane that the plan decides.
    pub class: PlanClass,
    /// Every limit that holds at once.
    pub limits: Vec<LimitSpec>,
}

/// One limit: `quantity` units a `window_s`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSpec {
    /// The name that refusals and the RateLimit fields give.
    pub name: String,
    /// What is counted together.
    pub dimension: Dimension,
    /// How it is counted.
    pub algorithm: Algorithm,
    /// How many units a window.
    pub quantity: u64,
    /// The window in seconds.
    pub window_s: u64,
    /// What one request counts as.
    pub unit: Unit,
}

/// What a limit counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dimension {
    /// All of an account's requests.
    Account,
}

/// How a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// A bucket of `quantity` tokens that refills evenly over the window (GCRA).
    TokenBucket,
}

/// What one request counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// One.
    Requests,
}
