//! The sliding log: every submission by its own time.
//!
//! Any window's time gives at most the quantity, exactly. The price is the memory: as many entries as the quantity, at
//! most one a millisecond.

use serde::{Deserialize, Serialize};

use super::{
    memory::Counting,
    rule::{Level, Rule},
};

/// When (milliseconds) how much was taken, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlidingLog(Vec<(u64, u64)>);

impl SlidingLog {
    /// The entries that count: each does for a window from its time on.
    fn current(&self, rule: Rule, now_ms: u64) -> &[(u64, u64)] {
        let over = self.0.partition_point(|(at_ms, _)| at_ms.saturating_add(rule.window_ms()) <= now_ms);
        self.0.get(over..).unwrap_or_default()
    }
}

fn used(entries: &[(u64, u64)]) -> u64 {
    entries.iter().fold(0, |used, (_, amount)| used.saturating_add(*amount))
}

impl Counting for SlidingLog {
    fn untouched(_: Rule, _now_ms: u64) -> Self {
        Self(Vec::new())
    }

    fn normalized(&self, rule: Rule, now_ms: u64) -> Option<Self> {
        let latest = now_ms.saturating_add(rule.window_ms());
        let ahead = self.0.last().is_some_and(|(at_ms, _)| *at_ms > latest);
        ahead.then(|| Self(self.0.iter().map(|(at_ms, amount)| (latest.min(*at_ms), *amount)).collect()))
    }

    fn take(&self, rule: Rule, amount: u64, now_ms: u64) -> Result<Self, u64> {
        let entries = self.current(rule, now_ms);
        let mut beyond = used(entries).saturating_add(amount).saturating_sub(rule.quantity);
        if beyond > 0 {
            for (at_ms, amount) in entries {
                beyond = beyond.saturating_sub(*amount);
                if beyond == 0 {
                    return Err(at_ms.saturating_add(rule.window_ms()).saturating_sub(now_ms).max(1));
                }
            }
        }
        let mut log = Vec::with_capacity(entries.len() + 1);
        log.extend_from_slice(entries);
        match log.last_mut() {
            // A clock that is behind the last entry adds to that: the order stays.
            Some((at_ms, last)) if *at_ms >= now_ms => *last = last.saturating_add(amount),
            _ => log.push((now_ms, amount)),
        }
        Ok(Self(log))
    }

    fn give_back(&self, _: Rule, amount: u64, taken_ms: u64, _now_ms: u64) -> Self {
        let mut log = self.0.clone();
        if let Some((_, taken)) = log.iter_mut().find(|(at_ms, _)| *at_ms == taken_ms) {
            *taken = taken.saturating_sub(amount);
        }
        log.retain(|(_, amount)| *amount > 0);
        Self(log)
    }

    fn level(&self, rule: Rule, now_ms: u64) -> Level {
        let entries = self.current(rule, now_ms);
        let reset_at = entries.last().map_or(now_ms, |(at_ms, _)| at_ms.saturating_add(rule.window_ms()));
        Level {
            quantity: rule.quantity,
            remaining: rule.quantity.saturating_sub(used(entries)),
            reset_ms: reset_at.saturating_sub(now_ms),
        }
    }

    fn is_spent(&self, rule: Rule, now_ms: u64) -> bool {
        self.current(rule, now_ms).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use forebay_contract::catalog::Window;

    use crate::algorithms::{Rule, memory::Method};

    use super::*;

    const START: u64 = 1_800_000_000_000;

    fn rule() -> Rule {
        Rule::new(Method::SlidingLog, 10, Window::Seconds(10))
    }

    #[test]
    fn each_submission_counts_for_a_window_from_its_own_time() {
        let rule = rule();
        let mut log = SlidingLog::untouched(rule, START);
        for (at_ms, amount) in [(0, 4), (3000, 3), (3000, 1), (7000, 2)] {
            log = log.take(rule, amount, START + at_ms).unwrap();
        }
        assert_eq!(log, SlidingLog(vec![(START, 4), (START + 3000, 4), (START + 7000, 2)]));
        for (amount, wait_ms) in [(1, 3000), (4, 3000), (5, 6000), (9, 10_000)] {
            assert_eq!(log.take(rule, amount, START + 7000), Err(wait_ms), "{amount}");
        }
        assert_eq!(log.level(rule, START + 10_000), Level { quantity: 10, remaining: 4, reset_ms: 7000 });
        let back = log.give_back(rule, 4, START + 3000, START + 8000);
        assert_eq!(back, SlidingLog(vec![(START, 4), (START + 7000, 2)]));
    }

    #[test]
    fn it_is_as_long_as_its_quantity_at_most() {
        let rule = rule();
        let mut log = SlidingLog::untouched(rule, START);
        for now_ms in START..START + 30_000 {
            log = log.take(rule, 1, now_ms).unwrap_or(log);
            assert!(log.0.len() <= 10);
        }
    }
}
