//! What the service offers: models and plans, checked as a whole.

mod model;
mod plan;
#[cfg(feature = "sources")]
pub mod sources;
mod validate;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use model::{ImageLimits, InputSpec, ModelSpec};
pub use plan::{Algorithm, Dimension, LimitSpec, PlanSpec, Unit};
pub use validate::Complaint;

/// The whole catalogue in its compiled form: what is built into the edge and what may replace it at run time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Every model version there is.
    pub models: Vec<ModelSpec>,
    /// Model name → the version that answers when the client names none.
    pub serving: BTreeMap<String, String>,
    /// Plan name → plan.
    pub plans: BTreeMap<String, PlanSpec>,
}

impl Catalog {
    /// Reads a compiled catalogue and checks it; every complaint is told at once.
    pub fn from_json(json: &str) -> Result<Self, Vec<Complaint>> {
        let catalog: Self =
            serde_json::from_str(json).map_err(|error| vec![Complaint::new("catalog", error.to_string())])?;
        catalog.validate()?;
        Ok(catalog)
    }

    /// The model version that runs for `name`.
    pub fn serving_model(&self, name: &str) -> Option<&ModelSpec> {
        let version = self.serving.get(name)?;
        self.models.iter().find(|model| model.name == name && model.version == *version)
    }
}
