use std::time::{SystemTime, UNIX_EPOCH};

/// This machine's clock, in milliseconds since the Unix epoch: for reports, which people read.
pub(crate) fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
