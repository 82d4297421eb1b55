/// The part of a job's seed that is taken for the start of a batch, until batches have shown it.
const START: f64 = 0.3;

/// Time on the device of a batch: a start, so much a row, and so much a cell. All in microseconds, none below 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Price {
    /// Whatever is in the batch.
    pub start_us: f64,
    /// What each row adds.
    pub row_us: f64,
    /// Each cell that is laid out: rows × the longest row's tokens, pixels or numbers.
    pub cell_us: f64,
}

impl Price {
    /// What is thought before the first batch: `cost_ms` of the manifest is a job alone.
    pub fn seed(cost_ms: f64) -> Self {
        let alone_us = if cost_ms.is_finite() { (cost_ms * 1000.0).max(1.0) } else { 1.0 };
        Self { start_us: alone_us * START, row_us: alone_us * (1.0 - START), cell_us: 0.0 }
    }

    /// Predicted time of a batch of `rows` rows of `row_cells` cells each, in microseconds.
    pub fn batch_us(&self, rows: usize, row_cells: u64) -> u64 {
        // Saturates; a price is never negative or NaN.
        self.of(rows as f64, row_cells as f64) as u64
    }

    pub(super) fn of(&self, rows: f64, row_cells: f64) -> f64 {
        self.start_us + rows * (self.row_us + row_cells * self.cell_us)
    }

    pub(super) fn scaled(&self, by: f64) -> Self {
        Self { start_us: self.start_us * by, row_us: self.row_us * by, cell_us: self.cell_us * by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_one_job_alone() {
        for (cost_ms, us) in [(15.0, 15_000), (0.0001, 1), (f64::NAN, 1)] {
            assert_eq!(Price::seed(cost_ms).batch_us(1, 9), us, "{cost_ms}");
        }
        assert_eq!(Price { start_us: 5.0, row_us: 2.0, cell_us: 0.5 }.batch_us(4, 10), 33);
        assert_eq!(Price { start_us: 0.0, row_us: 0.0, cell_us: 1e300 }.batch_us(4, u64::MAX), u64::MAX);
    }
}
