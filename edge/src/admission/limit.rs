//! Token buckets as GCRA: a bucket is one instant, the one at which it will be full again.
//!
//! Times are whole nanoseconds since the epoch. The time between two tokens is rounded up to the nanosecond, so a
//! limit never gives more than it says.

use std::collections::BTreeMap;

use forebay_contract::catalog::LimitSpec;
use serde::{Deserialize, Serialize};

const NS_PER_MS: u64 = 1_000_000;

/// Limit name → when its bucket is full again. A limit that is not here has a full bucket.
pub type Buckets = BTreeMap<String, u64>;

/// How a caller stands with one limit: what the RateLimit fields say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The limit's name.
    pub name: String,
    /// Tokens in a full bucket.
    pub quantity: u64,
    /// Seconds in which an empty bucket fills.
    pub window_s: u64,
    /// Whole tokens left.
    pub remaining: u64,
    /// Milliseconds until the bucket is full, rounded up.
    pub full_in_ms: u64,
    /// Milliseconds until the next request is admitted, rounded up; 0 when it would be now.
    pub retry_after_ms: u64,
}

/// Whether one request may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may: `buckets` is what is left, to be stored with whatever the request does.
    Admitted {
        /// The buckets after the request.
        buckets: Buckets,
        /// The standing with every limit, after the request.
        standings: Vec<Standing>,
    },
    /// It may not, and no bucket changes.
    Denied {
        /// The standing with every limit.
        standings: Vec<Standing>,
    },
}

/// Takes one token of every limit, or of none.
pub fn take(limits: &[LimitSpec], buckets: &Buckets, now_ms: u64) -> Decision {
    let rates: Vec<Rate> = limits.iter().map(Rate::new).collect();
    let now = now_ms.saturating_mul(NS_PER_MS);
    let full_at = |limit: &LimitSpec, rate: Rate| rate.full_at(buckets.get(&limit.name).copied(), now);
    let admitted = limits.iter().zip(&rates).all(|(limit, rate)| rate.wait(full_at(limit, *rate), now) == 0);
    let mut after = Buckets::new();
    let mut standings = Vec::with_capacity(limits.len());
    for (limit, rate) in limits.iter().zip(&rates) {
        let mut full_at = full_at(limit, *rate);
        if admitted {
            full_at = full_at.saturating_add(rate.interval);
            after.insert(limit.name.clone(), full_at);
        }
        standings.push(rate.standing(limit, full_at, now));
    }
    if admitted { Decision::Admitted { buckets: after, standings } } else { Decision::Denied { standings } }
}

/// A limit in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Rate {
    /// Between two tokens.
    interval: u64,
    /// From empty to full.
    burst: u64,
}

impl Rate {
    fn new(limit: &LimitSpec) -> Self {
        let quantity = limit.quantity.max(1);
        let interval = limit
            .window
            .map_or(1, forebay_contract::catalog::Window::seconds)
            .saturating_mul(1000 * NS_PER_MS)
            .div_ceil(quantity)
            .max(1);
        Self { interval, burst: interval.saturating_mul(quantity) }
    }

    /// When the bucket is full: never before now, and never further than an empty bucket takes, so that a clock that
    /// jumped back costs one window at most.
    fn full_at(self, stored: Option<u64>, now: u64) -> u64 {
        stored.unwrap_or(now).clamp(now, now.saturating_add(self.burst))
    }

    /// Nanoseconds until there is a whole token.
    fn wait(self, full_at: u64, now: u64) -> u64 {
        full_at.saturating_add(self.interval).saturating_sub(now.saturating_add(self.burst))
    }

    fn standing(self, limit: &LimitSpec, full_at: u64, now: u64) -> Standing {
        let missing = full_at.saturating_sub(now);
        Standing {
            name: limit.name.clone(),
            quantity: limit.quantity,
            window_s: limit.window.map_or(1, forebay_contract::catalog::Window::seconds),
            remaining: self.burst.saturating_sub(missing) / self.interval,
            full_in_ms: missing.div_ceil(NS_PER_MS),
            retry_after_ms: self.wait(full_at, now).div_ceil(NS_PER_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use forebay_contract::catalog::{Algorithm, Beyond, Dimension, Unit, Window};
    use proptest::prelude::*;

    use super::*;

    fn limit(name: &str, quantity: u64, window_s: u64) -> LimitSpec {
        LimitSpec {
            name: name.to_owned(),
            dimension: Dimension::Account,
            algorithm: Algorithm::TokenBucket,
            quantity,
            window: Some(Window::Seconds(window_s)),
            unit: Unit::Requests,
            beyond: Beyond::Reject,
        }
    }

    /// Takes a token; the standings, and whether it was admitted.
    fn step(limits: &[LimitSpec], buckets: &mut Buckets, now_ms: u64) -> (bool, Vec<Standing>) {
        match take(limits, buckets, now_ms) {
            Decision::Admitted { buckets: after, standings } => {
                *buckets = after;
                (true, standings)
            }
            Decision::Denied { standings } => (false, standings),
        }
    }

    const START: u64 = 1_800_000_000_000;

    #[test]
    fn a_full_bucket_gives_its_quantity_and_then_one_an_interval() {
        let limits = [limit("submit", 3, 3)];
        let mut buckets = Buckets::new();
        for left in [2, 1, 0] {
            let (admitted, standings) = step(&limits, &mut buckets, START);
            assert!(admitted);
            assert_eq!(standings[0].remaining, left);
        }
        let (admitted, standings) = step(&limits, &mut buckets, START);
        assert!(!admitted);
        assert_eq!((standings[0].retry_after_ms, standings[0].full_in_ms), (1000, 3000));
        assert!(!step(&limits, &mut buckets, START + 999).0);
        assert!(step(&limits, &mut buckets, START + 1000).0);
        assert!(!step(&limits, &mut buckets, START + 1999).0);
    }

    #[test]
    fn a_request_takes_of_every_limit_or_of_none() {
        let limits = [limit("a", 10, 10), limit("b", 1, 10)];
        let mut buckets = Buckets::new();
        assert!(step(&limits, &mut buckets, START).0);
        let before = buckets.clone();
        let (admitted, standings) = step(&limits, &mut buckets, START);
        assert!(!admitted);
        assert_eq!(buckets, before);
        assert_eq!((standings[0].retry_after_ms, standings[1].retry_after_ms), (0, 10_000));
    }

    #[test]
    fn without_limits_everything_passes() {
        assert!(step(&[], &mut Buckets::new(), START).0);
    }

    proptest! {
        #[test]
        fn no_window_gets_more_than_its_quantity_and_rate(
            quantity in 1u64..50,
            window_s in 1u64..20,
            gaps in prop::collection::vec(0u64..2000, 1..200),
        ) {
            let limits = [limit("l", quantity, window_s)];
            let (mut buckets, mut now, mut admitted) = (Buckets::new(), START, Vec::new());
            for gap in gaps {
                now += gap;
                if step(&limits, &mut buckets, now).0 {
                    admitted.push(now);
                }
            }
            for (i, from) in admitted.iter().enumerate() {
                for (j, to) in admitted.iter().enumerate().skip(i) {
                    let allowed = quantity as u128 * 1000 * u128::from(window_s)
                        + u128::from(to - from) * u128::from(quantity);
                    prop_assert!((j - i + 1) as u128 * 1000 * u128::from(window_s) <= allowed);
                }
            }
        }

        #[test]
        fn denied_until_exactly_when_it_said(
            quantity in 1u64..1_000_000,
            window_s in 1u64..100_000,
            gaps in prop::collection::vec(0u64..500, 1..100),
        ) {
            let limits = [limit("l", quantity, window_s)];
            let (mut buckets, mut now) = (Buckets::new(), START);
            for gap in gaps {
                now += gap;
                let (admitted, standings) = step(&limits, &mut buckets, now);
                let wait = standings[0].retry_after_ms;
                prop_assert_eq!(wait == 0, standings[0].remaining > 0);
                if !admitted {
                    prop_assert!(wait > 0);
                    prop_assert!(!step(&limits, &mut buckets.clone(), now + wait - 1).0);
                    prop_assert!(step(&limits, &mut buckets.clone(), now + wait).0);
                }
            }
        }

        #[test]
        fn a_clock_that_jumps_back_gives_nothing_away_and_costs_a_window_at_most(
            quantity in 1u64..20,
            window_s in 1u64..20,
            jump in 0u64..1_000_000,
            asked in 1usize..100,
        ) {
            let limits = [limit("l", quantity, window_s)];
            let mut buckets = Buckets::new();
            let mut given = 0;
            for _ in 0..asked {
                given += u64::from(step(&limits, &mut buckets, START).0);
            }
            for _ in 0..asked {
                given += u64::from(step(&limits, &mut buckets, START - jump).0);
            }
            prop_assert!(given <= quantity);
            let (_, standings) = step(&limits, &mut buckets, START - jump);
            prop_assert!(standings[0].retry_after_ms <= window_s * 1000 + quantity);
        }
    }
}
