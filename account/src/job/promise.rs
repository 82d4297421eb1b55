use forebay_admission::lane::position::Eta;
use serde::{Deserialize, Serialize};

/// How long a job was expected to take when it was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// The work ahead and its own at the lane's rate, in milliseconds.
    pub expected_ms: f64,
    /// What became of that.
    pub eta: Eta,
    /// The lane's expected rate, in device milliseconds a second.
    pub rate: f64,
}
