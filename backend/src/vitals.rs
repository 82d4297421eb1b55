use crate::{health::Health, metrics::Metrics};

/// What a pipeline shows of itself: one for each, shared by its stages and by whoever looks at it.
#[derive(Debug, Default)]
pub struct Vitals {
    /// What it measures, for Prometheus.
    pub metrics: Metrics,
    /// Whether it lives and can take jobs.
    pub health: Health,
}
