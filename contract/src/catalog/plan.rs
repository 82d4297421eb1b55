use serde::{Deserialize, Serialize};

use super::{LimitSpec, Retention};
use crate::PlanClass;

/// A named set of limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// For how long inputs, results and jobs are kept; then they are erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
}

impl PlanSpec {
    /// Whether a result that was stored `age_ms` ago is there to be fetched.
    pub fn keeps(&self, age_ms: u64) -> bool {
        self.keep_ms().is_none_or(|keep_ms| age_ms < keep_ms)
    }

    /// For how long a result is there to be fetched, in milliseconds; as long as jobs are kept, unless said.
    pub fn keep_ms(&self) -> Option<u64> {
        const DAY_MS: u64 = 86_400_000;
        let days_ms = self.keep_days.map(|days| u64::from(days) * DAY_MS);
        days_ms.or_else(|| self.retention?.result_ms())
    }
}

/// What an answer from the cache counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn results_are_kept_for_the_plans_days() {
        for (keep_days, age_ms, expect) in [
            (json!(null), u64::MAX, true),
            (json!(2), 0, true),
            (json!(2), 2 * 86_400_000 - 1, true),
            (json!(2), 2 * 86_400_000, false),
        ] {
            let plan = json!({"class": "free", "limits": [], "keep_days": keep_days});
            let plan: PlanSpec = serde_json::from_value(plan).unwrap();
            assert_eq!(plan.keeps(age_ms), expect, "{keep_days} {age_ms}");
        }
    }
}
