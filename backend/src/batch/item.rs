use crate::features::Shape;

/// So many times its predicted cost a job may be overtaken by cheaper jobs of its account that came later.
pub(super) const AGEING: u64 = 8;

/// One job that waits to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The caller's own number for it, given once.
    pub ticket: u64,
    /// Its model, by its position among the limits: jobs of one model run together.
    pub model: usize,
    /// How many rows of a batch it takes.
    pub rows: usize,
    /// The shape of each row.
    pub shape: Shape,
    /// What it is predicted to cost alone, in microseconds of the device.
    pub cost_us: u64,
    /// Since when it is ready, on the planner's clock in microseconds.
    pub since_us: u64,
    /// From when on nobody wants it, on the same clock.
    pub deadline_us: Option<u64>,
    /// Its position among the jobs that run alone, for a job that does; see [`position_alone`](super::position_alone).
    pub alone: Option<u64>,
}

impl Item {
    /// The place among its account's jobs: the cheapest first, but each microsecond of waiting counts too. Both grow
    /// alike for all who wait, so the order never changes, and nobody who comes [`AGEING`] costs later goes before.
    pub(super) fn rank(&self) -> (u64, u64) {
        (self.since_us.saturating_add(self.cost_us.saturating_mul(AGEING)), self.ticket)
    }

    /// Whether its deadline is over.
    pub(super) fn is_expired(&self, now_us: u64) -> bool {
        self.deadline_us.is_some_and(|deadline_us| deadline_us <= now_us)
    }
}
