//! Callers that are known to be refused for a while: whoever hammers after a 429 costs no object call.

use std::{cell::RefCell, rc::Rc};

use forebay_contract::catalog::Beyond;

use crate::{
    admission::{
        caller::Caller,
        policy::{Standing, Violation},
    },
    expiring::Expiring,
};

/// The longest a refusal is remembered: an operator may have widened the plan meanwhile.
const REMEMBER_MS: u64 = 10_000;
const MOST_CALLERS: usize = 10_000;

/// A refusal, as the Account object told it.
#[derive(Debug, Clone)]
pub struct Denial {
    told_ms: u64,
    until_ms: u64,
    violations: Vec<Violation>,
    standings: Vec<Standing>,
}

thread_local! {
    static DENIED: RefCell<Expiring<String, Rc<Denial>>> = RefCell::new(Expiring::new(MOST_CALLERS, REMEMBER_MS));
}

/// What the caller's next submission would be told, if that is known.
pub fn known(caller: &Caller, now_ms: u64) -> Option<(Vec<Violation>, Vec<Standing>)> {
    DENIED.with_borrow(|denied| denied.get(&name(caller), now_ms))?.at(now_ms)
}

/// Remembers a refusal that any other submission of the caller would meet too.
pub fn remember(caller: &Caller, violations: &[Violation], standings: &[Standing], now_ms: u64) {
    if let Some(denial) = Denial::new(violations, standings, now_ms) {
        DENIED.with_borrow_mut(|denied| denied.put(name(caller), Rc::new(denial), now_ms));
    }
}

impl Denial {
    /// `None` for a refusal that another submission, or the same one with a challenge solved, might not meet.
    fn new(violations: &[Violation], standings: &[Standing], now_ms: u64) -> Option<Self> {
        let blocks = |violation: &&Violation| violation.blocks_all && violation.beyond == Beyond::Reject;
        let violations: Vec<Violation> = violations.iter().filter(blocks).cloned().collect();
        let wait_ms = violations.iter().filter_map(|violation| violation.retry_after_ms).max()?;
        let until_ms = now_ms.saturating_add(wait_ms);
        Some(Self { told_ms: now_ms, until_ms, violations, standings: standings.to_vec() })
    }

    /// The refusal as it would be told at `now_ms`; `None` when its time is over.
    fn at(&self, now_ms: u64) -> Option<(Vec<Violation>, Vec<Standing>)> {
        let passed_ms = now_ms.checked_sub(self.told_ms)?;
        if now_ms >= self.until_ms {
            return None;
        }
        let (mut violations, mut standings) = (self.violations.clone(), self.standings.clone());
        for violation in &mut violations {
            violation.retry_after_ms = violation.retry_after_ms.map(|wait_ms| wait_ms.saturating_sub(passed_ms));
        }
        violations.retain(|violation| violation.retry_after_ms.is_none_or(|wait_ms| wait_ms > 0));
        for standing in &mut standings {
            standing.reset_ms = standing.reset_ms.saturating_sub(passed_ms);
        }
        Some((violations, standings))
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
