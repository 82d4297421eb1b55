use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which version of which model answers to a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Serving {
    /// The model; the name itself when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The stable version: what runs when nothing else is said, and when another version's breaker is open.
    pub version: String,
    /// Version → per cent of the accounts it runs for; the sum is 100. Empty: all of them have the stable version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, u32>,
    /// Plan → the version it runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plans: BTreeMap<String, String>,
    /// Group of callers → the version it runs; comes before their plan.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, String>,
    /// The served name that answers instead where a limit says `degrade`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lighter: Option<String>,
    /// Versions whose results may answer instead where a limit says `degrade`, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<String>,
}

impl Serving {
    /// A name that is its model's own, with one version.
    pub fn only(version: impl Into<String>) -> Self {
        Self {
            model: None,
            version: version.into(),
            weights: BTreeMap::new(),
            plans: BTreeMap::new(),
            groups: BTreeMap::new(),
            lighter: None,
            stale: Vec::new(),
        }
    }

    /// The model that answers to `name`.
    pub fn model<'a>(&'a self, name: &'a str) -> &'a str {
        self.model.as_deref().unwrap_or(name)
    }

    /// Every version that this entry names, the stable one first.
    pub fn versions(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.version)
            .chain(self.weights.keys())
            .chain(self.plans.values())
            .chain(self.groups.values())
            .chain(&self.stale)
            .map(String::as_str)
    }
}
