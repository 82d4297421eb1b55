//! Where the histograms' bounds lie: wide enough for a model of milliseconds and one of minutes.

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// Waits of jobs: 5 ms to 11 minutes, each twice the one before.
pub(super) fn waits() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.0, 18))
}

/// Calls and batches: 1 ms to 33 seconds.
pub(super) fn calls() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

/// Counts: 1 to 512.
pub(super) fn counts() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 10))
}

/// Shares: a tenth is the bound that padding is meant to keep.
pub(super) fn shares() -> Histogram {
    Histogram::new([0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75])
}

/// Relative errors.
pub(super) fn errors() -> Histogram {
    Histogram::new([0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0])
}
