//! How many inputs are under way at once, and when the next may begin.

use std::time::Duration;

use forebay::Retry;

/// How many are under way before the service has said anything.
const AT_FIRST: f64 = 4.0;

/// Grows by one a round of what went well, halves when the service pushes back, and rests as long as it says.
#[derive(Debug)]
pub(crate) struct Pace {
    retry: Retry,
    most: f64,
    allowed: f64,
    rest_until_ms: u64,
    /// The moment since which nothing went well.
    stalled_ms: Option<u64>,
    rests: u32,
}

/// Whether the next input may begin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Begin,
    /// The next input may begin at this moment, not before.
    RestUntil {
        ms: u64,
    },
    /// When one of those under way ends.
    Full,
}

impl Pace {
    /// Allows never more than `most` inputs at once; `retry` says how long a stall may last.
    pub(crate) fn new(most: usize, retry: Retry) -> Self {
        let most = most.max(1) as f64;
        Self { retry, most, allowed: AT_FIRST.min(most), rest_until_ms: 0, stalled_ms: None, rests: 0 }
    }

    /// Whether another may begin beside those that are `under_way`.
    pub(crate) fn next(&self, under_way: usize, now_ms: u64) -> Next {
        if now_ms < self.rest_until_ms {
            Next::RestUntil { ms: self.rest_until_ms }
        } else if under_way as f64 + 1.0 <= self.allowed {
            Next::Begin
        } else {
            Next::Full
        }
    }

    /// The service did what it was asked for.
    pub(crate) fn went_well(&mut self) {
        self.allowed = (self.allowed + 1.0 / self.allowed).min(self.most);
        (self.stalled_ms, self.rests) = (None, 0);
    }

    /// The service pushed back, or was silent. Those who are pushed back during a rest are of the same push. `false`:
    /// the rest would last longer than anybody has patience for.
    pub(crate) fn pushed_back(&mut self, now_ms: u64, named: Option<Duration>, random: f64) -> bool {
        let resting = now_ms < self.rest_until_ms;
        let stalled_ms = *self.stalled_ms.get_or_insert(now_ms);
        let waited = Duration::from_millis(now_ms.saturating_sub(stalled_ms));
        let Some(rest) = self.retry.pause(self.rests, waited, named, random) else { return false };
        if !resting {
            self.allowed = (self.allowed / 2.0).max(1.0);
            self.rests = self.rests.saturating_add(1);
        }
        let until_ms = now_ms.saturating_add(u64::try_from(rest.as_millis()).unwrap_or(u64::MAX));
        if !resting || named.is_some() {
            self.rest_until_ms = self.rest_until_ms.max(until_ms);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pace(most: usize) -> Pace {
        Pace::new(most, Retry { patience: Duration::from_secs(600), ..Retry::default() })
    }

    #[test]
    fn it_grows_while_all_goes_well_and_halves_once_a_push() {
        let mut pace = pace(16);
        assert_eq!((pace.next(3, 0), pace.next(4, 0)), (Next::Begin, Next::Full));
        (0..200).for_each(|_| pace.went_well());
        assert_eq!((pace.next(15, 0), pace.next(16, 0)), (Next::Begin, Next::Full));
        for _ in 0..5 {
            assert!(pace.pushed_back(0, Some(Duration::from_secs(2)), 0.0));
        }
        assert_eq!(pace.next(0, 1_999), Next::RestUntil { ms: 2_000 });
        assert_eq!((pace.next(7, 2_000), pace.next(8, 2_000)), (Next::Begin, Next::Full));
    }

    #[test]
    fn patience_ends_it() {
        let mut pace = pace(4);
        assert!(!pace.pushed_back(0, Some(Duration::from_secs(86_400)), 0.0));
        assert!(pace.pushed_back(0, None, 0.5));
        assert!(!pace.pushed_back(600_000, None, 0.5));
        pace.went_well();
        assert!(pace.pushed_back(600_000, None, 0.5));
    }

    proptest! {
        #[test]
        fn from_one_to_most_and_never_during_a_rest(
            most in 1usize..40,
            turns in proptest::collection::vec(
                (0u64..3_000, proptest::option::of(proptest::option::of(0u64..5_000))), 0..80,
            ),
        ) {
            let (mut pace, mut now_ms, mut rest_until_ms) = (pace(most), 0, 0);
            for (passed_ms, pushed) in turns {
                now_ms += passed_ms;
                match pushed {
                    None => pace.went_well(),
                    Some(named_ms) => {
                        if pace.pushed_back(now_ms, named_ms.map(Duration::from_millis), 0.3) {
                            rest_until_ms = rest_until_ms.max(now_ms + named_ms.unwrap_or(0));
                        }
                    }
                }
                if now_ms < rest_until_ms {
                    let rests = matches!(pace.next(0, now_ms), Next::RestUntil { ms } if ms >= rest_until_ms);
                    prop_assert!(rests);
                }
                let later_ms = now_ms + 3_600_000;
                prop_assert_eq!(pace.next(0, later_ms), Next::Begin);
                prop_assert_eq!(pace.next(most, later_ms), Next::Full);
            }
        }
    }
}
