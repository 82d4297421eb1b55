use std::collections::VecDeque;

use super::{
    Price,
    fit::{fit, median},
};

/// Kinds of batches that are remembered, each by rows and row cells to a factor of √2; the one unseen for longest goes.
const KINDS: usize = 32;
/// Runs that are remembered of one kind.
const OF_A_KIND: usize = 5;
/// The latest runs whose median ratio to the price is its level: a device that slows down is followed at once.
const LEVEL: usize = 9;
/// No batch takes longer, in microseconds: eleven days.
const LONGEST_US: f64 = 1e12;
/// Runs that the error is measured over.
const ERRORS: usize = 64;
/// After the first few runs, the price is computed anew once in so many.
const REFIT: u64 = 4;

/// One batch that ran.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// How many rows it had.
    pub rows: f64,
    /// The cells of each row, padding included.
    pub row_cells: f64,
    /// Its time on the device, in microseconds.
    pub us: f64,
}

impl Measurement {
    /// What the parts of a price are multiplied with.
    pub(super) fn factors(&self) -> [f64; 3] {
        [1.0, self.rows, self.rows * self.row_cells]
    }

    fn kind(&self) -> (i32, i32) {
        let step = |value: f64| (value.max(1.0).log2() * 2.0).round() as i32;
        (step(self.rows), step(self.row_cells))
    }
}

/// Learns one model's price.
///
/// The last few runs of each kind of batch are kept and not simply the last runs: a worker that ran full batches for an
/// hour still knows what a small one costs. What all kinds have in common, how fast the device is just now, is taken from
/// the very last runs.
#[derive(Debug, Clone)]
pub struct Learner {
    seed: Price,
    /// What explains the runs of all kinds.
    price: Price,
    /// What the last runs took in relation to that.
    level: f64,
    latest: VecDeque<Measurement>,
    /// Each kind with its latest runs, the kind seen last at the end.
    kinds: VecDeque<((i32, i32), VecDeque<Measurement>)>,
    errors: VecDeque<f64>,
    count: u64,
}

impl Learner {
    /// Knows nothing but the manifest's `cost_ms`.
    pub fn new(cost_ms: f64) -> Self {
        let seed = Price::seed(cost_ms);
        let (latest, kinds, errors) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        Self { seed, price: seed, level: 1.0, latest, kinds, errors, count: 0 }
    }

    /// What is known so far.
    pub fn price(&self) -> Price {
        self.price.scaled(self.level)
    }

    /// How much more (or, below 1, less) a job costs than the manifest says; 1 before the first run.
    pub fn ratio(&self) -> f64 {
        ratio(&self.latest, self.seed)
    }

    /// The median of |predicted − measured| / measured over the last runs, each predicted before it was learned from;
    /// `None` before the first.
    pub fn relative_error(&self) -> Option<f64> {
        median(self.errors.iter().copied().collect())
    }

    /// Learns from one run. One that did not happen, or took no time, is not learned from.
    pub fn learn(&mut self, run: Measurement) {
        if !(run.us > 0.0 && run.us <= LONGEST_US && run.rows >= 1.0) {
            return;
        }
        let predicted = self.price().of(run.rows, run.row_cells);
        keep(&mut self.errors, (predicted - run.us).abs() / run.us, ERRORS);
        let kind = run.kind();
        let known = self.kinds.iter().position(|(other, _)| *other == kind);
        let mut runs = known.and_then(|at| self.kinds.remove(at)).map(|(_, runs)| runs).unwrap_or_default();
        keep(&mut runs, run, OF_A_KIND);
        keep(&mut self.kinds, (kind, runs), KINDS);
        self.count += 1;
        if self.count < 4 * REFIT || self.count.is_multiple_of(REFIT) {
            let runs: Vec<Measurement> = self.kinds.iter().flat_map(|(_, runs)| runs.iter().copied()).collect();
            self.price = fit(&runs, self.seed);
        }
        keep(&mut self.latest, run, LEVEL);
        self.level = ratio(&self.latest, self.price);
    }
}

/// The median of measured / predicted; 1 without runs.
fn ratio(runs: &VecDeque<Measurement>, price: Price) -> f64 {
    // A price that says nothing would make any ratio of any run.
    let of = |run: &Measurement| run.us / price.of(run.rows, run.row_cells).max(1e-3);
    median(runs.iter().map(of).collect()).unwrap_or(1.0)
}

/// Appends, and lets go of the oldest beyond `most`.
fn keep<T>(kept: &mut VecDeque<T>, new: T, most: usize) {
    if kept.len() >= most {
        kept.pop_front();
    }
    kept.push_back(new);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number from 0 to 1 that is the same in every run (SplitMix64: Steele, Lea, Flood, OOPSLA 2014).
    fn noise(number: u64) -> f64 {
        let mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn truth(rows: f64, row_cells: f64) -> f64 {
        900.0 + rows * (40.0 + 3.5 * row_cells)
    }

    /// Mixed batches, a few per cent of noise, and every `outlier`th run twenty times as slow.
    fn trained(runs: u64, outlier: u64) -> Learner {
        let mut learner = Learner::new(15.0);
        for number in 0..runs {
            let rows = (1.0 + noise(number) * 31.0).floor();
            let row_cells = (5.0 + noise(number + 1_000_000) * 195.0).floor();
            let slow = if number % outlier == 0 { 20.0 } else { 1.0 };
            let us = truth(rows, row_cells) * (0.96 + 0.08 * noise(number + 2_000_000)) * slow;
            learner.learn(Measurement { rows, row_cells, us });
        }
        learner
    }

    fn worst(learner: &Learner) -> f64 {
        let sizes = [1.0, 4.0, 16.0, 32.0];
        let all = sizes.iter().flat_map(|rows| [8.0, 64.0, 200.0].map(|row_cells| (*rows, row_cells)));
        all.map(|(rows, row_cells)| {
            let predicted = learner.price().batch_us(rows as usize, row_cells as u64) as f64;
            (predicted - truth(rows, row_cells)).abs() / truth(rows, row_cells)
        })
        .fold(0.0, f64::max)
    }

    #[test]
    fn mixed_batches_teach_the_price_of_every_size() {
        let learner = trained(200, u64::MAX);
        assert!(worst(&learner) < 0.1, "{} with {:?}", worst(&learner), learner.price());
        assert!(learner.relative_error().unwrap() < 0.05, "{:?}", learner.relative_error());
    }

    #[test]
    fn one_run_in_five_that_is_twenty_times_as_slow_changes_little() {
        let learner = trained(300, 5);
        assert!(worst(&learner) < 0.2, "{} with {:?}", worst(&learner), learner.price());
        assert!(learner.relative_error().unwrap() < 0.1, "{:?}", learner.relative_error());
    }

    #[test]
    fn the_seed_may_be_wrong_by_far_and_is_soon_forgotten() {
        let mut learner = Learner::new(5000.0);
        assert_eq!((learner.relative_error(), learner.ratio()), (None, 1.0));
        for _ in 0..8 {
            learner.learn(Measurement { rows: 8.0, row_cells: 100.0, us: 4000.0 });
        }
        let found = learner.price().batch_us(8, 100);
        assert!((3800..=4200).contains(&found), "{found}");
        assert!(learner.ratio() < 0.001, "{}", learner.ratio());
    }

    #[test]
    fn a_change_of_speed_is_followed() {
        let mut learner = trained(200, u64::MAX);
        for number in 0..200 {
            let (rows, row_cells) = (16.0, 40.0 + 80.0 * noise(number));
            learner.learn(Measurement { rows, row_cells, us: 3.0 * truth(rows, row_cells) });
        }
        for (rows, row_cells) in [(16, 80), (2, 20), (32, 190)] {
            let found = learner.price().batch_us(rows, row_cells) as f64 / truth(rows as f64, row_cells as f64);
            assert!((1.8..4.0).contains(&found), "{found}");
        }
        assert!(learner.relative_error().unwrap() < 0.1, "{:?}", learner.relative_error());
    }

    proptest! {
        #[test]
        fn whatever_is_measured_a_price_is_never_below_nothing(
            runs in prop::collection::vec((0.0_f64..5000.0, 0.0_f64..1e7, prop::num::f64::ANY), 0..60),
        ) {
            let mut learner = Learner::new(1.0);
            for (rows, row_cells, us) in runs {
                learner.learn(Measurement { rows: rows.floor(), row_cells: row_cells.floor(), us });
            }
            let Price { start_us, row_us, cell_us } = learner.price();
            for part in [start_us, row_us, cell_us, learner.ratio()] {
                prop_assert!(part.is_finite() && part >= 0.0, "{:?}", learner.price());
            }
        }
    }
}
