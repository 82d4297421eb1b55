/// Nanoseconds a millisecond.
pub(super) const NS_PER_MS: u64 = 1_000_000;

/// A rate as time: what one unit takes, and what all of them take, in nanoseconds.
///
/// The time of one unit is rounded up to the nanosecond, so that a rate never gives more than it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) interval: u64,
    pub(super) burst: u64,
}

impl Pace {
    /// `quantity` units, at least 1, in a window.
    pub(super) fn of(quantity: u64, window_ms: u64) -> Self {
        let interval = nanoseconds(window_ms).div_ceil(quantity.max(1));
        Self { interval, burst: interval.saturating_mul(quantity) }
    }

    /// The time that `amount` units take.
    pub(super) fn time(self, amount: u64) -> u64 {
        self.interval.saturating_mul(amount)
    }
}

/// A time in nanoseconds.
pub(super) fn nanoseconds(ms: u64) -> u64 {
    ms.saturating_mul(NS_PER_MS)
}
