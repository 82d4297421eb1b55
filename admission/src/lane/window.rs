//! How many jobs went well and how many failed in the last half minute.

use std::collections::VecDeque;

/// Ten buckets of three seconds: old outcomes leave in small steps, not all at once.
const BUCKET_MS: u64 = 3_000;
const BUCKETS: u64 = 10;

/// Outcomes over a sliding window of thirty seconds. The clock is an argument.
#[derive(Debug, Clone, Default)]
pub(super) struct OutcomeWindow {
    /// Oldest first, by the number of their three seconds since the epoch.
    buckets: VecDeque<Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    number: u64,
    ok: u64,
    failed: u64,
}

impl OutcomeWindow {
    /// Counts outcomes as of `now_ms`.
    pub(super) fn add(&mut self, ok: u64, failed: u64, now_ms: u64) {
        let number = now_ms / BUCKET_MS;
        // A clock that jumped back makes what it already counted recent: nothing is lost, and nothing stays for ever.
        for bucket in &mut self.buckets {
            bucket.number = bucket.number.min(number);
        }
        self.buckets.retain(|bucket| bucket.is_within(number));
        match self.buckets.back_mut().filter(|bucket| bucket.number == number) {
            Some(bucket) => {
                bucket.ok = bucket.ok.saturating_add(ok);
                bucket.failed = bucket.failed.saturating_add(failed);
            }
            None => self.buckets.push_back(Bucket { number, ok, failed }),
        }
        // Only after a jump there can be more: several with the same number.
        while self.buckets.len() as u64 > BUCKETS {
            self.buckets.pop_front();
        }
    }

    /// The share of failures among the outcomes, or `None` when there are fewer than `least`.
    pub(super) fn error_rate(&self, least: u64, now_ms: u64) -> Option<f64> {
        let number = now_ms / BUCKET_MS;
        let (ok, failed) =
            self.buckets.iter().filter(|bucket| bucket.is_within(number)).fold((0u64, 0u64), |(ok, failed), bucket| {
                (ok.saturating_add(bucket.ok), failed.saturating_add(bucket.failed))
            });
        let total = ok.saturating_add(failed);
        (total > 0 && total >= least).then(|| failed as f64 / total as f64)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.buckets.clear();
    }
}

impl Bucket {
    fn is_within(self, number: u64) -> bool {
        self.number.saturating_add(BUCKETS) > number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: u64 = 1_800_000_000_000;

    #[test]
    fn outcomes_count_for_half_a_minute() {
        let mut window = OutcomeWindow::default();
        window.add(0, 1, START);
        window.add(3, 0, START + 15_000);
        assert_eq!(window.error_rate(1, START + 15_000), Some(0.25));
        assert_eq!(window.error_rate(5, START + 15_000), None);
        assert_eq!(window.error_rate(1, START + 30_000), Some(0.0));
        assert_eq!(window.error_rate(1, START + 45_000), None);
    }

    proptest! {
        #[test]
        fn a_jumping_clock_neither_grows_the_window_nor_keeps_it_for_ever(
            steps in prop::collection::vec((0u64..200_000, 0u64..5, 0u64..5), 1..100),
        ) {
            let mut window = OutcomeWindow::default();
            for (at, ok, failed) in steps {
                window.add(ok, failed, START + at);
                prop_assert!(window.buckets.len() as u64 <= BUCKETS);
                prop_assert!(window.error_rate(1, START + at).is_some() || ok + failed == 0);
                prop_assert_eq!(window.error_rate(1, START + at + BUCKETS * BUCKET_MS), None);
            }
        }
    }
}
