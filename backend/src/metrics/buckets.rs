//! Where the histograms' bounds lie: wide enough for a model of milliseconds and one of minutes.

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// Waits of jobs: 5 ms to 11 minutes, each twice the one before.
pub(super) fn waits() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.0, 18))
}

/// Waits inside one worker: 100 µs to 7 minutes, each twice the one before.
pub(super) fn short_waits() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 23))
}

/// Calls and batches: 100 µs, which a small model takes on a GPU, to 26 seconds.
pub(super) fn calls() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 19))
}

/// Counts: 1 to 512.
pub(super) fn counts() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 10))
}

/// Shares: a tenth is the bound that padding is meant to keep.
pub(super) fn shares() -> Histogram {
    Histogram::new([0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75])
}

/// Relative errors: 2 % to ten times.
pub(super) fn errors() -> Histogram {
    Histogram::new([0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0])
}
