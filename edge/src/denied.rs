//! What an isolate remembers of what callers were told of their limits: whoever hammers after a 429 costs no object call,
//! and an answer that needs no object says all the same how its caller stands.

use std::{cell::RefCell, rc::Rc};

use forebay_contract::catalog::Beyond;
use forebay_limits::policy::{LimitStatus, Violation};

use crate::expiring::Expiring;
use forebay_admission::caller::Caller;

/// The longest that something is remembered: an operator may have widened the plan meanwhile.
const REMEMBER_MS: u64 = 10_000;
const MOST_CALLERS: usize = 10_000;

/// A refusal, or a standing alone, as the Account object told it.
#[derive(Debug, Clone)]
struct Denial {
    told_ms: u64,
    until_ms: u64,
    violations: Vec<Violation>,
    standings: Vec<LimitStatus>,
}

thread_local! {
    static DENIED: RefCell<Expiring<String, Rc<Denial>>> = RefCell::new(Expiring::new(MOST_CALLERS, REMEMBER_MS));
    static STANDING: RefCell<Expiring<String, Rc<Denial>>> = RefCell::new(Expiring::new(MOST_CALLERS, REMEMBER_MS));
}

/// What the caller's next submission would be told, if that is known.
pub fn known(caller: &Caller, now_ms: u64) -> Option<(Vec<Violation>, Vec<LimitStatus>)> {
    DENIED.with_borrow(|denied| denied.get(&name(caller), now_ms))?.at(now_ms)
}

/// Remembers a refusal that any other submission of the caller would meet too.
pub fn remember(caller: &Caller, violations: &[Violation], standings: &[LimitStatus], now_ms: u64) {
    if let Some(denial) = Denial::new(violations, standings, now_ms) {
        DENIED.with_borrow_mut(|denied| denied.put(name(caller), Rc::new(denial), now_ms));
    }
}

/// How the caller stood when it was last told, if that was lately; empty when it was not.
pub fn standings(caller: &Caller, now_ms: u64) -> Vec<LimitStatus> {
    let told = STANDING.with_borrow(|told| told.get(&name(caller), now_ms));
    told.and_then(|told| told.standings_at(now_ms)).unwrap_or_default()
}

/// Remembers how the caller stands.
pub fn remember_standings(caller: &Caller, standings: &[LimitStatus], now_ms: u64) {
    if !standings.is_empty() {
        let told = Denial { told_ms: now_ms, until_ms: now_ms, violations: Vec::new(), standings: standings.to_vec() };
        STANDING.with_borrow_mut(|all| all.put(name(caller), Rc::new(told), now_ms));
    }
}

impl Denial {
    /// `None` for a refusal that another submission, or the same one with a challenge solved, might not meet.
    fn new(violations: &[Violation], standings: &[LimitStatus], now_ms: u64) -> Option<Self> {
        let blocks = |violation: &&Violation| violation.blocks_all && violation.beyond == Beyond::Reject;
        let violations: Vec<Violation> = violations.iter().filter(blocks).cloned().collect();
        let wait_ms = violations.iter().filter_map(|violation| violation.retry_after_ms).max()?;
        let until_ms = now_ms.saturating_add(wait_ms);
        Some(Self { told_ms: now_ms, until_ms, violations, standings: standings.to_vec() })
    }

    /// The refusal as it would be told at `now_ms`; `None` when its time is over.
    fn at(&self, now_ms: u64) -> Option<(Vec<Violation>, Vec<LimitStatus>)> {
        let passed_ms = now_ms.checked_sub(self.told_ms)?;
        if now_ms >= self.until_ms {
            return None;
        }
        let mut violations = self.violations.clone();
        for violation in &mut violations {
            violation.retry_after_ms = violation.retry_after_ms.map(|wait_ms| wait_ms.saturating_sub(passed_ms));
        }
        violations.retain(|violation| violation.retry_after_ms.is_none_or(|wait_ms| wait_ms > 0));
        Some((violations, self.standings_at(now_ms)?))
    }

    /// The standings as they are at `now_ms`, if nothing was spent since. What came back meanwhile is told when all of
    /// it has.
    fn standings_at(&self, now_ms: u64) -> Option<Vec<LimitStatus>> {
        let passed_ms = now_ms.checked_sub(self.told_ms)?;
        let mut standings = self.standings.clone();
        for standing in &mut standings {
            standing.reset_ms = standing.reset_ms.saturating_sub(passed_ms);
            if standing.reset_ms == 0 && standing.window_s.is_some() {
                standing.remaining = standing.quantity;
            }
        }
        Some(standings)
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
    fn a_denial_is_told_until_exactly_when_it_said() {
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
    fn standings_grow_older_and_whole_again() {
        let standing = |name: &str, window_s: Option<u64>, reset_ms: u64| LimitStatus {
            name: name.to_owned(),
            quantity: 60,
            window_s,
            remaining: 7,
            reset_ms,
        };
        let standings = vec![standing("rate", Some(60), 5_000), standing("in-flight", None, 0)];
        let told = Denial { told_ms: NOW_MS, until_ms: NOW_MS, violations: Vec::new(), standings };
        for (passed_ms, left, reset_ms) in [(0, 7, 5_000), (4_999, 7, 1), (5_000, 60, 0), (6_000, 60, 0)] {
            let found = told.standings_at(NOW_MS + passed_ms).unwrap();
            assert_eq!((found[0].remaining, found[0].reset_ms), (left, reset_ms), "after {passed_ms} ms");
            assert_eq!(found[1].remaining, 7, "nobody knows when a job ends");
        }
        assert_eq!(told.standings_at(NOW_MS - 1), None);
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
