//! The token bucket as GCRA: a bucket is one instant, the one at which it will be full again.
//!
//! In any stretch of t it gives at most quantity + t × quantity ÷ window: bursts up to the quantity, however long it
//! has been idle.

use serde::{Deserialize, Serialize};

use super::{
    memory::Counting,
    pace::{NS_PER_MS, nanoseconds},
    rule::{Level, Rule},
};

/// When the bucket is full again. One that is full was so in the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBucket {
    full_at_ns: u64,
}

impl Counting for TokenBucket {
    fn untouched(_: Rule, now_ms: u64) -> Self {
        Self { full_at_ns: nanoseconds(now_ms) }
    }

    /// No bucket is emptier than empty, so the clock that wrote it was ahead by what is beyond.
    fn normalized(&self, rule: Rule, now_ms: u64) -> Option<Self> {
        let latest = nanoseconds(now_ms).saturating_add(rule.pace.burst);
        (self.full_at_ns > latest).then_some(Self { full_at_ns: latest })
    }

    fn take(&self, rule: Rule, amount: u64, now_ms: u64) -> Result<Self, u64> {
        let (pace, now) = (rule.pace, nanoseconds(now_ms));
        let full_at_ns = self.full_at_ns.max(now).saturating_add(pace.time(amount));
        match full_at_ns.saturating_sub(now.saturating_add(pace.burst)) {
            0 => Ok(Self { full_at_ns }),
            early => Err(early.div_ceil(NS_PER_MS)),
        }
    }

    /// After a window the bucket would have been full without the take too, unless others kept it from filling; who was
    /// first is not remembered.
    fn give_back(&self, rule: Rule, amount: u64, taken_ms: u64, now_ms: u64) -> Self {
        if now_ms.saturating_sub(taken_ms) >= rule.window_ms() {
            return self.clone();
        }
        Self { full_at_ns: self.full_at_ns.saturating_sub(rule.pace.time(amount)) }
    }

    fn level(&self, rule: Rule, now_ms: u64) -> Level {
        let pace = rule.pace;
        let missing = self.full_at_ns.saturating_sub(nanoseconds(now_ms));
        Level {
            quantity: rule.quantity,
            remaining: pace.burst.saturating_sub(missing) / pace.interval,
            reset_ms: missing.div_ceil(NS_PER_MS),
        }
    }

    fn is_spent(&self, _: Rule, now_ms: u64) -> bool {
        self.full_at_ns <= nanoseconds(now_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use forebay_contract::catalog::Window;
    use governor::{Quota, RateLimiter, clock::FakeRelativeClock};
    use proptest::prelude::*;

    use crate::algorithms::{Rule, memory::Method};

    use super::*;

    const START: u64 = 1_800_000_000_000;

    fn rule(quantity: u64, window_s: u64) -> Rule {
        Rule::new(Method::TokenBucket, quantity, Window::Seconds(window_s))
    }

    #[test]
    fn a_full_bucket_gives_its_quantity_and_then_one_an_interval() {
        let rule = rule(3, 3);
        let mut bucket = TokenBucket::untouched(rule, START);
        for remaining in [2, 1, 0] {
            bucket = bucket.take(rule, 1, START).unwrap();
            assert_eq!(bucket.level(rule, START).remaining, remaining);
        }
        assert_eq!(bucket.level(rule, START).reset_ms, 3000);
        assert_eq!(bucket.take(rule, 1, START), Err(1000));
        assert_eq!(bucket.take(rule, 3, START), Err(3000));
        assert_eq!(bucket.take(rule, 1, START + 999), Err(1));
        let bucket = bucket.take(rule, 1, START + 1000).unwrap();
        assert_eq!(bucket.take(rule, 1, START + 1999), Err(1));
    }

    #[test]
    fn what_comes_back_is_the_time_it_took_until_a_window_is_over() {
        let rule = rule(10, 10);
        let bucket = TokenBucket::untouched(rule, START).take(rule, 10, START).unwrap();
        let busy = bucket.take(rule, 9, START + 9000).unwrap();
        assert_eq!(busy.level(rule, START + 9999).remaining, 0);
        assert_eq!(busy.give_back(rule, 4, START, START + 9999).level(rule, START + 9999).remaining, 4);
        assert_eq!(busy.give_back(rule, 4, START, START + 10_000), busy);
    }

    proptest! {
        #[test]
        fn it_decides_as_governor_does(
            quantity in 1u32..2000,
            window_s in 1u64..100,
            asked in prop::collection::vec((prop_oneof![0u64..5, 0u64..500, 0u64..50_000], 1u32..2000), 1..200),
        ) {
            let rule = rule(u64::from(quantity), window_s);
            let quota = Quota::with_period(Duration::from_nanos(rule.pace.interval)).unwrap();
            let clock = FakeRelativeClock::default();
            let theirs = RateLimiter::direct_with_clock(
                quota.allow_burst(NonZeroU32::new(quantity).unwrap()), clock.clone(),
            );
            let (mut ours, mut now) = (TokenBucket::untouched(rule, START), START);
            for (gap, amount) in asked {
                now += gap;
                clock.advance(Duration::from_millis(gap));
                let amount = amount % quantity + 1;
                let decided = ours.take(rule, u64::from(amount), now);
                let theirs = theirs.check_n(NonZeroU32::new(amount).unwrap()).unwrap();
                match theirs {
                    Ok(()) => ours = decided.unwrap(),
                    Err(until) => {
                        let wait = until.wait_time_from(governor::clock::Clock::now(&clock));
                        prop_assert_eq!(decided, Err((wait.as_nanos() as u64).div_ceil(NS_PER_MS)));
                    }
                }
            }
        }
    }
}
