//! What callers heard of their limits: whoever hammers after a 429 costs no object call, and an answer that needs no
//! object says all the same how its caller stands.

use std::rc::Rc;

use forebay_admission::caller::Caller;
use forebay_contract::catalog::Beyond;
use forebay_limits::policy::{LimitStatus, Violation};

use super::expiring::Expiring;

/// Refusals that any other submission of the caller would meet too.
pub struct Denials(pub(super) Expiring<String, Rc<Denial>>);

impl Denials {
    /// What the caller's next submission would meet, if that is known.
    pub fn get(&self, caller: &Caller, now_ms: u64) -> Option<(Vec<Violation>, Vec<LimitStatus>)> {
        self.0.get(&name(caller), now_ms)?.at(now_ms)
    }

    /// Remembers a refusal, if any other submission of the caller would meet it too.
    pub fn put(&mut self, caller: &Caller, violations: &[Violation], limits: &[LimitStatus], now_ms: u64) {
        if let Some(denial) = Denial::new(violations, limits, now_ms) {
            self.0.put(name(caller), Rc::new(denial), now_ms);
        }
    }
}

/// How callers stood with their limits when an object last said so.
pub struct LimitStatuses(pub(super) Expiring<String, Rc<Heard>>);

impl LimitStatuses {
    /// How the caller stands, if that was heard lately; empty when it was not.
    pub fn get(&self, caller: &Caller, now_ms: u64) -> Vec<LimitStatus> {
        self.0.get(&name(caller), now_ms).and_then(|heard| heard.at(now_ms)).unwrap_or_default()
    }

    /// Remembers how the caller stands.
    pub fn put(&mut self, caller: &Caller, limits: &[LimitStatus], now_ms: u64) {
        if !limits.is_empty() {
            self.0.put(name(caller), Rc::new(Heard { at_ms: now_ms, limits: limits.to_vec() }), now_ms);
        }
    }
}

/// A refusal, as the Account object decided it.
#[derive(Debug)]
pub(super) struct Denial {
    until_ms: u64,
    violations: Vec<Violation>,
    heard: Heard,
}

/// How a caller stood with its limits.
#[derive(Debug)]
pub(super) struct Heard {
    at_ms: u64,
    limits: Vec<LimitStatus>,
}

impl Denial {
    /// `None` for a refusal that another submission, or the same one with a challenge solved, might not meet.
    fn new(violations: &[Violation], limits: &[LimitStatus], now_ms: u64) -> Option<Self> {
        let blocks = |violation: &&Violation| violation.blocks_all && violation.beyond == Beyond::Reject;
        let violations: Vec<Violation> = violations.iter().filter(blocks).cloned().collect();
        let wait_ms = violations.iter().filter_map(|violation| violation.retry_after_ms).max()?;
        let until_ms = now_ms.saturating_add(wait_ms);
        Some(Self { until_ms, violations, heard: Heard { at_ms: now_ms, limits: limits.to_vec() } })
    }

    /// The refusal as it would be decided at `now_ms`; `None` when its time is over.
    fn at(&self, now_ms: u64) -> Option<(Vec<Violation>, Vec<LimitStatus>)> {
        let passed_ms = now_ms.checked_sub(self.heard.at_ms)?;
        if now_ms >= self.until_ms {
            return None;
        }
        let mut violations = self.violations.clone();
        for violation in &mut violations {
            violation.retry_after_ms = violation.retry_after_ms.map(|wait_ms| wait_ms.saturating_sub(passed_ms));
        }
        violations.retain(|violation| violation.retry_after_ms.is_none_or(|wait_ms| wait_ms > 0));
        Some((violations, self.heard.at(now_ms)?))
    }
}

impl Heard {
    /// The limits as they are at `now_ms`, if nothing was spent since. What came back meanwhile counts when all of it
    /// has.
    fn at(&self, now_ms: u64) -> Option<Vec<LimitStatus>> {
        let passed_ms = now_ms.checked_sub(self.at_ms)?;
        let mut limits = self.limits.clone();
        for limit in &mut limits {
            limit.reset_ms = limit.reset_ms.saturating_sub(passed_ms);
            if limit.reset_ms == 0 && limit.window_s.is_some() {
                limit.remaining = limit.quantity;
            }
        }
        Some(limits)
    }
}

fn name(caller: &Caller) -> String {
    // None of the parts has a line break.
    format!("{}\n{}\n{}", caller.account, caller.key.as_deref().unwrap_or_default(), caller.ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn violation(name: &str, blocks_all: bool, beyond: Beyond, retry_after_ms: Option<u64>) -> Violation {
        Violation { name: name.to_owned(), amount: 1, beyond, retry_after_ms, blocks_all }
    }

    fn names(violations: &[Violation]) -> Vec<(&str, Option<u64>)> {
        violations.iter().map(|violation| (violation.name.as_str(), violation.retry_after_ms)).collect()
    }

    #[test]
    fn a_denial_holds_until_exactly_when_it_said() {
        let violations =
            [violation("a", true, Beyond::Reject, Some(100)), violation("b", true, Beyond::Reject, Some(50))];
        let denial = Denial::new(&violations, &[], NOW_MS).unwrap();
        assert_eq!(names(&denial.at(NOW_MS + 49).unwrap().0), [("a", Some(51)), ("b", Some(1))]);
        assert_eq!(names(&denial.at(NOW_MS + 99).unwrap().0), [("a", Some(1))]);
        assert!(denial.at(NOW_MS + 100).is_none());
        // A clock that jumped back knows nothing.
        assert!(denial.at(NOW_MS - 1).is_none());
    }

    #[test]
    fn limits_grow_older_and_whole_again() {
        let limit = |name: &str, window_s: Option<u64>, reset_ms: u64| LimitStatus {
            name: name.to_owned(),
            quantity: 60,
            window_s,
            remaining: 7,
            reset_ms,
        };
        let limits = vec![limit("rate", Some(60), 5_000), limit("in-flight", None, 0)];
        let heard = Heard { at_ms: NOW_MS, limits };
        for (passed_ms, left, reset_ms) in [(0, 7, 5_000), (4_999, 7, 1), (5_000, 60, 0), (6_000, 60, 0)] {
            let found = heard.at(NOW_MS + passed_ms).unwrap();
            assert_eq!((found[0].remaining, found[0].reset_ms), (left, reset_ms), "after {passed_ms} ms");
            assert_eq!(found[1].remaining, 7, "nobody knows when a job ends");
        }
        assert_eq!(heard.at(NOW_MS - 1), None);
    }

    #[test]
    fn only_what_any_submission_would_meet_is_remembered() {
        for (violation, expect) in [
            (violation("a", true, Beyond::Reject, Some(1)), true),
            (violation("a", false, Beyond::Reject, Some(1)), false),
            (violation("a", true, Beyond::Challenge, Some(1)), false),
            (violation("a", true, Beyond::Reject, None), false),
        ] {
            assert_eq!(Denial::new(&[violation], &[], NOW_MS).is_some(), expect);
        }
    }
}
