use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// Gives the time of day in milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// This machine's clock, in milliseconds since the Unix epoch: for reports, which people read, and
/// for deadlines, which the edge sets.
pub(crate) fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
