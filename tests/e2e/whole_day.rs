//! What is counted by day or month is counted anew after midnight UTC.

use std::{thread, time::Duration};

use anyhow::Result;

use crate::stack::now_ms;

const DAY_MS: u64 = 86_400_000;
/// More than any promise takes.
const ENOUGH_MS: u64 = 300_000;

/// Returns when midnight is far enough away for a promise to be looked at within one day: in the last minutes before it,
/// when it is over.
pub fn begins_clear_of_midnight() -> Result<()> {
    let left_ms = DAY_MS - now_ms()? % DAY_MS;
    if left_ms < ENOUGH_MS {
        thread::sleep(Duration::from_millis(left_ms));
    }
    Ok(())
}
