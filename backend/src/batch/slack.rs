/// The most padding of one batch by itself, in per cent of its cells.
pub(super) const OF_ONE_PER_CENT: u64 = 7;
/// The most padding of all batches together.
const OF_ALL: f64 = 0.1;
/// One batch may have this part of what the others left.
const PART: f64 = 0.125;
/// What the others left fades: this much stays with each batch.
const STAYS: f64 = 0.95;

/// Padding that one model's batches left unused, in cells.
///
/// Of all cells together at most a tenth is padding. Were that asked of each batch alone, short texts would run one by
/// one, although all their padding is nothing beside one long text. So a batch may have a smaller share of its own, and a
/// part of what is left of the tenth of those before it; it is never overdrawn.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Slack {
    left: f64,
}

impl Slack {
    /// What a batch may have beyond its own share.
    pub fn spare_cells(&self) -> u64 {
        (self.left * PART) as u64
    }

    /// A batch of `cells` cells is made, `padding` of which are padding.
    pub fn spend(&mut self, cells: u64, padding: u64) {
        self.left = (self.left * STAYS + OF_ALL * cells as f64 - padding as f64).max(0.0);
    }
}
