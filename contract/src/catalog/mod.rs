//! What the service offers: models, plans and who may call, checked as a whole.

mod identity;
mod lane_spec;
mod limit;
mod model;
mod plan;
mod retention;
mod serving;
#[cfg(feature = "sources")]
pub mod sources;
mod validate;
mod validate_lanes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use identity::{IdentitySpec, IssuerSpec, JwtAlgorithm};
pub use lane_spec::LaneSpec;
pub use limit::{Algorithm, Beyond, Dimension, LimitSpec, Unit, Window};
pub use model::{ImageLimits, InputSpec, LONGEST_WORK_MS, ModelSpec, TextLimits};
pub use plan::{CachedHits, PlanSpec};
pub use retention::{InputKept, ResultKept, Retention, Span};
pub use serving::Serving;
pub use validate::Complaint;
pub use validate_lanes::{MOST_LANES, MOST_WEIGHT};

use crate::{Lane, PlanClass, WorkClass};

/// The whole catalog in its compiled form: what is built into the edge and what may replace it at run time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Every model version there is.
    pub models: Vec<ModelSpec>,
    /// The names clients use → what answers.
    pub serving: BTreeMap<String, Serving>,
    /// Task → the served name that answers when a client names the task instead of a model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<String, String>,
    /// Plan name → plan.
    pub plans: BTreeMap<String, PlanSpec>,
    /// Limits of a shared dimension that hold for all plans together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitSpec>,
    /// Every lane there is: who waits in it, and what it takes. Those that are shipped, where none are said.
    #[serde(default = "lane_spec::shipped", deserialize_with = "lane_spec::read")]
    pub lanes: BTreeMap<Lane, LaneSpec>,
    /// Who may call without an API key.
    #[serde(default)]
    pub identity: IdentitySpec,
}

impl Catalog {
    /// Reads a compiled catalog and checks it; all complaints at once.
    pub fn from_json(json: &str) -> Result<Self, Vec<Complaint>> {
        let catalog: Self =
            serde_json::from_str(json).map_err(|error| vec![Complaint::new("catalog", error.to_string())])?;
        catalog.validate()?;
        Ok(catalog)
    }

    /// The name that `asked` is served under: itself, or the one of the task it names.
    pub fn served_name<'a>(&'a self, asked: &'a str) -> Option<(&'a str, &'a Serving)> {
        let (name, serving) =
            self.serving.get_key_value(asked).or_else(|| self.serving.get_key_value(self.tasks.get(asked)?))?;
        Some((name, serving))
    }

    /// A model version.
    pub fn model(&self, name: &str, version: &str) -> Option<&ModelSpec> {
        self.models.iter().find(|model| model.name == name && model.version == version)
    }

    /// The stable version of what `asked` names.
    pub fn stable_model(&self, asked: &str) -> Option<&ModelSpec> {
        let (name, serving) = self.served_name(asked)?;
        self.model(serving.model(name), &serving.version)
    }

    /// What `lane` takes. Jobs of a lane that there was may still wait in it: of such a one the default is expected.
    pub fn lane(&self, lane: Lane) -> LaneSpec {
        self.lanes.get(&lane).copied().unwrap_or_default()
    }

    /// The lane in which jobs of these plans and of this kind wait; a catalog that was checked has one for each kind that
    /// its models have.
    pub fn lane_of(&self, class: PlanClass, work: WorkClass) -> Option<Lane> {
        self.lanes.iter().find(|(_, spec)| spec.takes(class, work)).map(|(lane, _)| *lane)
    }
}
