use super::Limits;
use crate::cost::Price;

/// One in so many of the bound is added after a batch that was quick enough.
const STEP: u64 = 200;
/// The longest batch of late fades by one in so many with each batch.
const FADE: u64 = 50;
/// A batch is never held below this: a device that is disturbed for a while is not the batch's fault.
const LEAST_US: u64 = 500;

/// Holds one model's batches to its latency target: how long they may run, and how long they may be waited for.
///
/// A job may find a batch running and then runs itself, so a batch may take half of the target; what two of the longest
/// batches leave is left for waiting. The bound on predicted time rises by a little while batches stay within their half
/// and falls by a tenth when one does not: additive increase, multiplicative decrease on measured time on the device
/// (Clipper: Crankshaw et al., NSDI 2017, §4.3). The time that jobs wait for other jobs does not count: smaller batches
/// would make it longer.
#[derive(Debug, Clone)]
pub struct Pace {
    limits: Limits,
    target_us: Option<u64>,
    max_us: u64,
    /// The longest of the last batches, fading.
    longest_us: u64,
}

impl Pace {
    /// Within the manifest's limits, which are all there is without a target.
    pub fn new(limits: Limits, target_us: Option<u64>) -> Self {
        let target_us = target_us.map(|target_us| target_us.max(2 * LEAST_US));
        Self { limits, target_us, max_us: target_us.map_or(u64::MAX, |target_us| target_us / 2), longest_us: 0 }
    }

    /// What holds now, with today's price.
    pub fn limits(&self, price: Price) -> Limits {
        let Some(target_us) = self.target_us else { return Limits { price, ..self.limits } };
        let left_us = target_us.saturating_sub(self.longest_us.saturating_mul(2));
        Limits {
            max_us: self.limits.max_us.min(self.max_us),
            max_wait_us: self.limits.max_wait_us.min(left_us),
            price,
            ..self.limits
        }
    }

    /// A batch of `jobs` jobs ran for `us` microseconds. A job that was too long alone says nothing about batches.
    pub fn observe(&mut self, jobs: usize, us: u64) {
        let Some(target_us) = self.target_us else { return };
        let half_us = target_us / 2;
        self.longest_us = us.max(self.longest_us - self.longest_us.div_ceil(FADE));
        if us <= half_us {
            self.max_us = self.max_us.saturating_add((half_us / STEP).max(1)).min(half_us);
        } else if jobs > 1 {
            self.max_us = (self.max_us - self.max_us / 10).max(LEAST_US);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PRICE: Price = Price { start_us: 1000.0, row_us: 500.0, cell_us: 0.0 };

    fn limits() -> Limits {
        Limits { max_rows: 64, max_wait_us: 10_000, price: PRICE, ..Limits::default() }
    }

    /// The rows of the largest batch that these limits allow.
    fn largest(limits: Limits) -> usize {
        (1..=limits.max_rows).rev().find(|rows| limits.price.batch_us(*rows, 1) <= limits.max_us).unwrap_or(1)
    }

    #[test]
    fn without_a_target_the_manifest_alone_holds() {
        let mut pace = Pace::new(limits(), None);
        pace.observe(8, 1_000_000_000);
        assert_eq!(pace.limits(PRICE), limits());
    }

    #[test]
    fn a_batch_may_take_half_of_the_target_and_waiting_what_is_left() {
        let mut pace = Pace::new(limits(), Some(20_000));
        assert_eq!((largest(pace.limits(PRICE)), pace.limits(PRICE).max_wait_us), (18, 10_000));
        pace.observe(16, 9_000);
        assert_eq!(pace.limits(PRICE).max_wait_us, 2_000);
        pace.observe(18, 10_000);
        assert_eq!(pace.limits(PRICE).max_wait_us, 0);
        for _ in 0..200 {
            pace.observe(1, 1_000);
        }
        assert!(pace.limits(PRICE).max_wait_us > 7_000, "it fades: {:?}", pace.limits(PRICE));
    }

    /// A device that is slower than predicted is answered with smaller batches, one that recovers with larger ones.
    #[test]
    fn a_wrong_price_is_made_up_for() {
        let mut pace = Pace::new(limits(), Some(40_000));
        for (slower, rows) in [(1.0, 30..=38), (3.0, 8..=12), (1.0, 30..=38)] {
            let mut over = 0;
            for number in 0..400 {
                let batch = largest(pace.limits(PRICE));
                let us = (PRICE.batch_us(batch, 1) as f64 * slower) as u64;
                over += u32::from(number >= 100 && us > 20_000);
                pace.observe(batch, us);
            }
            let batch = largest(pace.limits(PRICE));
            assert!(rows.contains(&batch), "{batch} rows at {slower}");
            assert!(over <= 60, "{over} of 300 batches were over at {slower}");
        }
    }

    proptest! {
        #[test]
        fn limits_stay_within_the_manifests_and_move_the_right_way(
            target_us in 0_u64..10_000_000,
            runs in prop::collection::vec((1_usize..100, 0_u64..100_000_000), 0..100),
        ) {
            let mut pace = Pace::new(limits(), Some(target_us));
            for (jobs, us) in runs {
                let before = pace.limits(PRICE);
                pace.observe(jobs, us);
                let after = pace.limits(PRICE);
                prop_assert!(after.max_us >= LEAST_US && after.max_us <= (target_us / 2).max(LEAST_US));
                prop_assert!(after.max_wait_us <= limits().max_wait_us && after.max_rows == limits().max_rows);
                if us > (target_us / 2).max(LEAST_US) {
                    prop_assert!(after.max_us <= before.max_us && after.max_wait_us == 0);
                } else {
                    prop_assert!(after.max_us >= before.max_us);
                }
            }
        }
    }
}
