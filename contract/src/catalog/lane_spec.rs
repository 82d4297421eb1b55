use serde::{Deserialize, Serialize};

/// What a lane takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LaneSpec {
    /// The most work that may wait, in device milliseconds; beyond it submissions are refused with 503.
    pub backlog_ms: u64,
    /// Device milliseconds a second that the lane is expected to work off until it has been measured: 1000 is one
    /// device by itself.
    #[serde(default = "one_device")]
    pub rate: f64,
}

impl Default for LaneSpec {
    /// Ten minutes of one device.
    fn default() -> Self {
        Self { backlog_ms: 600_000, rate: one_device() }
    }
}

fn one_device() -> f64 {
    1000.0
}
