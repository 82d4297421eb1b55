use serde::{Deserialize, Serialize};

use super::LimitSpec;
use crate::PlanClass;

/// A named set of limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSpec {
    /// The half of the lane that the plan decides.
    pub class: PlanClass,
    /// Every limit that holds at once. Those of a shared dimension count all callers of the plan together.
    pub limits: Vec<LimitSpec>,
    /// The share of its own rates that the plan keeps however full a lane is: 1 is never lowered.
    #[serde(default = "whole")]
    pub guaranteed: f64,
    /// Whether a submission that the cache answers counts against the limits.
    #[serde(default)]
    pub cached: CachedHits,
    /// For how many days a result is there to be fetched; as long as jobs are kept, unless said.
    #[serde(default)]
    pub keep_days: Option<u32>,
}

/// What an answer from the cache counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CachedHits {
    /// Like any other submission.
    #[default]
    Counted,
    /// Nothing.
    Free,
}

fn whole() -> f64 {
    1.0
}
