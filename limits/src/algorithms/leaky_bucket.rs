//! The leaky bucket: an even pace. It holds one submission, and is free again when that has leaked: amount × window ÷
//! quantity later.
//!
//! In any stretch of t, all but its last submission amount to at most (t + 1 ms) × quantity ÷ window: nothing is saved
//! up while it is idle. The millisecond is the clock's: a bucket that is free within this one is free.
//!
//! A submission may be of any amount up to the quantity; a larger one passes first and is paused for after.

use serde::{Deserialize, Serialize};

use super::{
    memory::Counting,
    pace::{NS_PER_MS, nanoseconds},
    rule::{Level, Rule},
};

/// Since when the bucket holds something, and when it is free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakyBucket {
    since_ms: u64,
    free_at_ns: u64,
}

impl LeakyBucket {
    /// When the next submission begins to leak, if it passes now.
    fn next(&self, now_ms: u64) -> u64 {
        self.free_at_ns.max(nanoseconds(now_ms))
    }
}

/// The first instant after this millisecond.
fn end_of(now_ms: u64) -> u64 {
    nanoseconds(now_ms).saturating_add(NS_PER_MS)
}

impl Counting for LeakyBucket {
    fn untouched(_: Rule, now_ms: u64) -> Self {
        Self { since_ms: now_ms, free_at_ns: nanoseconds(now_ms) }
    }

    /// No pause is longer than that for the largest amount.
    fn normalized(&self, rule: Rule, now_ms: u64) -> Option<Self> {
        let latest = end_of(now_ms).saturating_add(rule.pace.burst);
        (self.free_at_ns > latest).then_some(Self { since_ms: now_ms, free_at_ns: latest })
    }

    fn take(&self, rule: Rule, amount: u64, now_ms: u64) -> Result<Self, u64> {
        let next = self.next(now_ms);
        if next >= end_of(now_ms) {
            return Err((next / NS_PER_MS).saturating_sub(now_ms).max(1));
        }
        Ok(Self { since_ms: now_ms, free_at_ns: next.saturating_add(rule.pace.time(amount)) })
    }

    /// Shortens the pause that the take made, while it lasts and no later one has followed.
    fn give_back(&self, rule: Rule, amount: u64, taken_ms: u64, _now_ms: u64) -> Self {
        if self.since_ms != taken_ms {
            return self.clone();
        }
        let free_at_ns = self.free_at_ns.saturating_sub(rule.pace.time(amount));
        Self { since_ms: self.since_ms, free_at_ns: free_at_ns.max(nanoseconds(taken_ms)) }
    }

    fn level(&self, rule: Rule, now_ms: u64) -> Level {
        let next = self.next(now_ms);
        // One each interval of what is left of this millisecond.
        let remaining = end_of(now_ms).saturating_sub(next).div_ceil(rule.pace.interval);
        Level {
            quantity: rule.quantity,
            remaining: remaining.min(rule.quantity),
            reset_ms: next.saturating_sub(nanoseconds(now_ms)).div_ceil(NS_PER_MS),
        }
    }

    fn is_spent(&self, _: Rule, now_ms: u64) -> bool {
        self.free_at_ns <= nanoseconds(now_ms)
    }
}

#[cfg(test)]
mod tests {
    use forebay_contract::catalog::Window;

    use crate::algorithms::{Rule, memory::Method};

    use super::*;

    const START: u64 = 1_800_000_000_000;

    fn rule(quantity: u64, window_s: u64) -> Rule {
        Rule::new(Method::LeakyBucket, quantity, Window::Seconds(window_s))
    }

    #[test]
    fn one_passes_each_interval_and_idling_saves_nothing_up() {
        let rule = rule(3, 1);
        let mut bucket = LeakyBucket::untouched(rule, START - 1_000_000);
        // Thirds of a second, none of them lost to rounding.
        for (now_ms, wait_ms) in [(0, 333), (333, 333), (666, 334), (1000, 333)] {
            bucket = bucket.take(rule, 1, START + now_ms).unwrap();
            assert_eq!(bucket.take(rule, 1, START + now_ms), Err(wait_ms));
        }
    }

    #[test]
    fn a_large_submission_passes_and_is_paused_for() {
        let rule = rule(10, 10);
        let bucket = LeakyBucket::untouched(rule, START).take(rule, 7, START).unwrap();
        assert_eq!(bucket.take(rule, 1, START), Err(7000));
        assert_eq!(bucket.level(rule, START + 6999), Level { quantity: 10, remaining: 0, reset_ms: 1 });
        assert_eq!(bucket.level(rule, START + 7000), Level { quantity: 10, remaining: 1, reset_ms: 0 });
    }

    #[test]
    fn a_pace_below_a_millisecond_is_kept() {
        let rule = rule(5000, 1);
        let mut bucket = LeakyBucket::untouched(rule, START);
        for now_ms in START..START + 3 {
            assert_eq!(bucket.level(rule, now_ms).remaining, 5);
            for _ in 0..5 {
                bucket = bucket.take(rule, 1, now_ms).unwrap();
            }
            assert_eq!(bucket.take(rule, 1, now_ms), Err(1));
        }
    }

    #[test]
    fn only_the_pause_that_lasts_is_given_back() {
        let rule = rule(10, 10);
        let bucket = LeakyBucket::untouched(rule, START).take(rule, 7, START).unwrap();
        let back = bucket.give_back(rule, 5, START, START + 500);
        assert_eq!(back.take(rule, 1, START + 500), Err(1500));
        let later = back.take(rule, 1, START + 2000).unwrap();
        assert_eq!(later.give_back(rule, 2, START, START + 2000), later);
    }
}
