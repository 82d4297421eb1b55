//! What Account objects report to a lane, and what the lane answers of itself.

use serde::{Deserialize, Serialize};

use super::{
    BreakerState,
    wait::{EtaError, Spread, WaitSample},
};

/// The jobs of one Account object in one lane.
///
/// What is open is reported whole, not as a difference: a tally that is lost is healed by the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// The Account object's name.
    pub shard: String,
    /// Predicted device milliseconds of its jobs in the lane that have not ended.
    pub open_ms: f64,
    /// How many those are.
    pub open_jobs: u64,
    /// Predicted device milliseconds of those that have ended since its last tally: in the unit of `open_ms`, because
    /// the quotient of the two says how long it takes.
    pub ended_ms: f64,
    /// How those that have ended went.
    pub outcomes: Vec<VersionCount>,
    /// How many have not started.
    #[serde(default)]
    pub queued_jobs: u64,
    /// How many have left the queue since its last tally, whether they started or were called off.
    #[serde(default)]
    pub left_jobs: u64,
    /// Predicted device milliseconds of those that have ended in any way since its last tally.
    #[serde(default)]
    pub left_ms: f64,
    /// How long those took that have ended, beside what they were promised.
    #[serde(default)]
    pub waits: Vec<WaitSample>,
}

/// How jobs of one model version went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionCount {
    /// The model's name.
    pub model: String,
    /// Its version.
    pub version: String,
    /// Jobs that have a result.
    pub ok: u32,
    /// Jobs that failed by the version's fault: not those with a bad input, and not canceled ones.
    pub failed: u32,
}

/// A model version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelVersion {
    /// The model's name.
    pub model: String,
    /// Its version.
    pub version: String,
}

/// The status of a lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// When (milliseconds since the epoch).
    pub at_ms: u64,
    /// Predicted device milliseconds that wait or run.
    pub backlog_ms: f64,
    /// The same, smoothed over some ten seconds.
    pub smoothed_ms: f64,
    /// Device milliseconds a second that the lane works off; `None` until it was busy enough to be measured.
    pub rate: Option<f64>,
    /// Jobs that have not ended.
    pub open_jobs: u64,
    /// The breakers that are not closed.
    pub breakers: Vec<BreakerStatus>,
    /// Jobs that have not started.
    #[serde(default)]
    pub queued_jobs: u64,
    /// Jobs that have left the queue in this life of the lane.
    #[serde(default)]
    pub left_jobs: u64,
    /// Work that has ended in this life of the lane, in device milliseconds.
    #[serde(default)]
    pub left_ms: f64,
    /// Which life of the lane this is: its counts begin anew with each.
    #[serde(default)]
    pub era_ms: u64,
    /// What estimates are multiplied with.
    #[serde(default)]
    pub spread: Spread,
    /// How past estimates went; `None` before the first job ended.
    #[serde(default)]
    pub eta_error: Option<EtaError>,
}

/// The breaker of one model version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BreakerStatus {
    /// Of what.
    #[serde(flatten)]
    pub of: ModelVersion,
    /// What it lets through. The probes of a half-open one are lent to whoever asked, and to nobody else.
    pub state: BreakerState,
}

impl LaneStatus {
    /// A lane that nothing is known of: everything may pass.
    pub fn unknown(at_ms: u64) -> Self {
        Self {
            at_ms,
            backlog_ms: 0.0,
            smoothed_ms: 0.0,
            rate: None,
            open_jobs: 0,
            breakers: Vec::new(),
            queued_jobs: 0,
            left_jobs: 0,
            left_ms: 0.0,
            era_ms: 0,
            spread: Spread::default(),
            eta_error: None,
        }
    }

    /// What the breaker of a model version lets through.
    pub fn breaker(&self, model: &str, version: &str) -> BreakerState {
        let of = |status: &&BreakerStatus| status.of.model == model && status.of.version == version;
        self.breakers.iter().find(of).map_or(BreakerState::Closed, |status| status.state)
    }
}
