use forebay_contract::{Digest, Lane};
use serde::{Deserialize, Serialize};

/// Something that could run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The name of its result.
    pub digest: Digest,
    /// The model's name.
    pub model: String,
    /// The model's version.
    pub version: String,
    /// The resolved parameters, as JSON text.
    pub parameters: String,
    /// The queue it waits in.
    pub lane: Lane,
    /// Predicted device milliseconds, rounded up.
    pub cost_ms: u64,
    /// Whether its result is everybody's who asks the same.
    #[serde(default)]
    pub shared: bool,
}
