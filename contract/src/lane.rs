use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Who pays: the half of a lane that a plan decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PlanClass {
    /// Plans that pay.
    Paid,
    /// Free and anonymous plans.
    Free,
}

/// How heavy one job is: the half of a lane that a model decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum WorkClass {
    /// Milliseconds of device time.
    Light,
    /// Seconds of device time.
    Heavy,
}

/// One SQS queue with one weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// Paying callers, light work.
    PaidLight,
    /// Paying callers, heavy work.
    PaidHeavy,
    /// Other callers, light work.
    FreeLight,
    /// Other callers, heavy work.
    FreeHeavy,
}

impl Lane {
    /// Every lane there is, heaviest weight first.
    pub const ALL: [Self; 4] = [Self::PaidLight, Self::PaidHeavy, Self::FreeLight, Self::FreeHeavy];

    /// The lane of a caller and a model.
    pub fn new(plan: PlanClass, work: WorkClass) -> Self {
        match (plan, work) {
            (PlanClass::Paid, WorkClass::Light) => Self::PaidLight,
            (PlanClass::Paid, WorkClass::Heavy) => Self::PaidHeavy,
            (PlanClass::Free, WorkClass::Light) => Self::FreeLight,
            (PlanClass::Free, WorkClass::Heavy) => Self::FreeHeavy,
        }
    }

    /// The name in queue names and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::PaidLight => "paid-light",
            Self::PaidHeavy => "paid-heavy",
            Self::FreeLight => "free-light",
            Self::FreeHeavy => "free-heavy",
        }
    }

    /// The queue URL of this lane: infra names the queues `<prefix>-<lane>`.
    pub fn queue_url(self, url_prefix: &str) -> String {
        format!("{url_prefix}-{}", self.name())
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a lane: expected paid-light, paid-heavy, free-light or free-heavy")]
pub struct LaneParseError;

impl FromStr for Lane {
    type Err = LaneParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|lane| lane.name() == text).ok_or(LaneParseError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_text_and_json() {
        for lane in Lane::ALL {
            assert_eq!(lane.name().parse(), Ok(lane));
            assert_eq!(serde_json::to_value(lane).unwrap(), lane.name());
        }
        assert_eq!("paid".parse::<Lane>(), Err(LaneParseError));
    }
}
