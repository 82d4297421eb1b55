//! How long a lane's jobs take beside what was expected of them: the spread of its estimates, and their error.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The most waits that are remembered: old ones say little of the workers there are now.
const MOST_WAITS: usize = 128;
/// Added to both sides of a quotient, in milliseconds: polling, batching, storing and reporting take that long whatever
/// a job costs, and a job that is done at once must not weigh like one that is ten times too late.
const FLOOR_MS: f64 = 250.0;
/// What is believed before anything was measured: as expected at best, twice that at worst.
const PRIOR: [f64; 5] = [0.7, 1.0, 1.0, 1.5, 2.0];
/// Quotients beyond are a lost report or a clock that jumped, not a lane.
const LARGEST_QUOTIENT: f64 = 100.0;

/// What one job was promised when it was accepted, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WaitSample {
    /// The work ahead of it and its own at the lane's rate, in milliseconds, before any spread.
    pub expected_ms: f64,
    /// What is promised to be met half of the time, in milliseconds.
    pub p50_ms: f64,
    /// What is promised to be met nine times of ten, in milliseconds.
    pub p90_ms: f64,
    /// From acceptance to the stored end, in milliseconds.
    pub took_ms: f64,
}

/// What expectations are multiplied with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Spread {
    /// The quotient that half of the jobs stayed below.
    pub p50: f64,
    /// The quotient that nine of ten stayed below.
    pub p90: f64,
}

/// How past estimates went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EtaError {
    /// How many are looked at.
    pub samples: u64,
    /// The share of jobs that ended by the p50 they were promised.
    pub within_p50: f64,
    /// The share of jobs that ended by the p90 they were promised.
    pub within_p90: f64,
    /// The median of how far off p50 was, in milliseconds.
    pub median_ms: f64,
}

/// The last waits of a lane.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Waits(VecDeque<WaitSample>);

impl Waits {
    /// Takes a wait in; what makes no sense is left out.
    pub fn observe(&mut self, wait: WaitSample) {
        let sensible = |ms: f64| ms.is_finite() && ms >= 0.0;
        if [wait.expected_ms, wait.p50_ms, wait.p90_ms, wait.took_ms].into_iter().all(sensible) {
            self.0.push_back(wait);
            while self.0.len() > MOST_WAITS {
                self.0.pop_front();
            }
        }
    }

    /// What expectations are to be multiplied with. A handful of beliefs counts along until many waits outweigh them.
    pub fn spread(&self) -> Spread {
        let quotient =
            |wait: &WaitSample| ((wait.took_ms + FLOOR_MS) / (wait.expected_ms + FLOOR_MS)).min(LARGEST_QUOTIENT);
        let mut quotients: Vec<f64> = self.0.iter().map(quotient).collect();
        if quotients.len() < MOST_WAITS {
            quotients.extend(PRIOR);
        }
        quotients.sort_unstable_by(f64::total_cmp);
        Spread { p50: quantile(&quotients, 0.5), p90: quantile(&quotients, 0.9) }
    }

    /// How estimates went; `None` before the first job ended.
    pub fn error(&self) -> Option<EtaError> {
        if self.0.is_empty() {
            return None;
        }
        let share = |within: fn(&WaitSample) -> bool| {
            self.0.iter().filter(|wait| within(wait)).count() as f64 / self.0.len() as f64
        };
        let mut off: Vec<f64> = self.0.iter().map(|wait| (wait.took_ms - wait.p50_ms).abs()).collect();
        off.sort_unstable_by(f64::total_cmp);
        Some(EtaError {
            samples: self.0.len() as u64,
            within_p50: share(|wait| wait.took_ms <= wait.p50_ms),
            within_p90: share(|wait| wait.took_ms <= wait.p90_ms),
            median_ms: quantile(&off, 0.5),
        })
    }
}

impl Spread {
    /// When half, and when nine of ten, of the jobs are done that are expected to take `expected_ms`: milliseconds.
    pub fn apply(self, expected_ms: f64) -> (f64, f64) {
        let of = |quotient: f64| ((expected_ms.max(0.0) + FLOOR_MS) * quotient - FLOOR_MS).max(0.0);
        (of(self.p50.min(self.p90)), of(self.p90))
    }
}

impl Default for Spread {
    fn default() -> Self {
        Waits::default().spread()
    }
}

/// The value that a share of `sorted`, and of one more to come, stays below: rounded towards the larger one.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = ((sorted.len() + 1) as f64 * share).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wait(expected_ms: f64, took_ms: f64) -> WaitSample {
        WaitSample { expected_ms, p50_ms: expected_ms, p90_ms: 2.0 * expected_ms, took_ms }
    }

    #[test]
    fn before_anything_is_known_a_lane_takes_as_long_as_expected_or_twice_that() {
        let (p50, p90) = Spread::default().apply(1_000.0);
        assert!((p50 - 1_000.0).abs() < 1.0 && (p90 - 2_250.0).abs() < 1.0, "{p50} {p90}");
        assert_eq!(Waits::default().error(), None);
    }

    #[test]
    fn the_error_is_that_of_what_clients_were_told() {
        let mut waits = Waits::default();
        for took_ms in [50.0, 90.0, 150.0, 250.0] {
            waits.observe(wait(100.0, took_ms));
        }
        let error = waits.error().unwrap();
        assert_eq!((error.samples, error.within_p50, error.within_p90), (4, 0.5, 0.75));
        assert_eq!(error.median_ms, 50.0);
    }

    #[test]
    fn nonsense_is_left_out() {
        let mut waits = Waits::default();
        for ms in [f64::NAN, f64::INFINITY, -1.0] {
            waits.observe(wait(ms, 1.0));
            waits.observe(wait(1.0, ms));
        }
        assert_eq!(waits.error(), None);
    }

    proptest! {
        /// Whatever the true quotient is, and however it varies, nine of ten of the next jobs stay below p90. The jobs'
        /// own times are spread evenly, as multiples of the golden ratio are, so that this is no matter of chance; and
        /// they are long enough for none to be done before it was sent.
        #[test]
        fn the_spread_learns_what_is_measured(
            truth in 0.2f64..5.0,
            noise in 0.0f64..0.9,
            first in 0.0f64..1.0,
            costs in prop::collection::vec(2_100.0f64..60_000.0, 400..500),
        ) {
            let mut waits = Waits::default();
            let (mut within, mut later) = (0, 0);
            for (n, expected_ms) in costs.into_iter().enumerate() {
                let draw = (first + n as f64 * 0.618_033_988_749_895).fract();
                let took_ms = (expected_ms + FLOOR_MS) * truth * (1.0 + noise * (draw - 0.5)) - FLOOR_MS;
                let (_, p90_ms) = waits.spread().apply(expected_ms);
                if n >= MOST_WAITS {
                    later += 1;
                    within += u32::from(took_ms <= p90_ms + 1e-6);
                }
                waits.observe(WaitSample { expected_ms, p50_ms: 0.0, p90_ms, took_ms });
            }
            prop_assert!(f64::from(within) >= 0.85 * f64::from(later), "{within} of {later}");
            prop_assert!(waits.0.len() <= MOST_WAITS);
        }

        #[test]
        fn estimates_are_ordered(expected_ms in 0.0f64..1e9, p50 in 0.0f64..100.0, p90 in 0.0f64..100.0) {
            let (early, late) = Spread { p50, p90 }.apply(expected_ms);
            prop_assert!(0.0 <= early && early <= late && late.is_finite());
        }
    }
}
