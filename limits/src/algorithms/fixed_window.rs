//! The fixed window: a count that starts anew with each window.
//!
//! A window gives at most the quantity. So any stretch no longer than a window gives at most twice that: the end of
//! one and the beginning of the next.

use serde::{Deserialize, Serialize};

use super::{
    memory::Counting,
    rule::{Level, Rule},
    span::Span,
};

/// A window's count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedWindow {
    start_ms: u64,
    count: u64,
}

impl FixedWindow {
    /// The window that counts and its count. Until the clock is there, time stands still at the window counted last.
    fn current(&self, rule: Rule, now_ms: u64) -> (Span, u64) {
        let span = Span::of(rule.window, now_ms.max(self.start_ms));
        (span, if self.start_ms >= span.start_ms { self.count } else { 0 })
    }
}

impl Counting for FixedWindow {
    fn untouched(rule: Rule, now_ms: u64) -> Self {
        Self { start_ms: Span::of(rule.window, now_ms).start_ms, count: 0 }
    }

    fn normalized(&self, rule: Rule, now_ms: u64) -> Option<Self> {
        if self.start_ms <= now_ms {
            return None;
        }
        let latest = Span::of(rule.window, now_ms).end_ms;
        (self.start_ms > latest).then_some(Self { start_ms: latest, count: self.count })
    }

    fn take(&self, rule: Rule, amount: u64, now_ms: u64) -> Result<Self, u64> {
        let (span, count) = self.current(rule, now_ms);
        let count = count.saturating_add(amount);
        if count > rule.quantity {
            return Err(span.end_ms.saturating_sub(now_ms).max(1));
        }
        Ok(Self { start_ms: span.start_ms, count })
    }

    fn give_back(&self, rule: Rule, amount: u64, taken_ms: u64, _now_ms: u64) -> Self {
        let same = Span::of(rule.window, taken_ms).start_ms == self.start_ms;
        Self { start_ms: self.start_ms, count: self.count.saturating_sub(if same { amount } else { 0 }) }
    }

    fn level(&self, rule: Rule, now_ms: u64) -> Level {
        let (span, count) = self.current(rule, now_ms);
        Level {
            quantity: rule.quantity,
            remaining: rule.quantity.saturating_sub(count),
            reset_ms: span.end_ms.saturating_sub(now_ms),
        }
    }

    fn is_spent(&self, rule: Rule, now_ms: u64) -> bool {
        self.current(rule, now_ms).1 == 0
    }
}

#[cfg(test)]
mod tests {
    use forebay_contract::catalog::Window;

    use crate::algorithms::{Rule, memory::Method};

    use super::*;

    #[test]
    fn a_months_quota_is_new_on_the_first() {
        let rule = Rule::new(Method::FixedWindow, 10, Window::Month);
        // The last millisecond of February 2024.
        let now_ms = 1_709_251_199_999;
        let used = FixedWindow::untouched(rule, now_ms).take(rule, 10, now_ms).unwrap();
        assert_eq!(used.take(rule, 1, now_ms), Err(1));
        assert_eq!(used.level(rule, now_ms), Level { quantity: 10, remaining: 0, reset_ms: 1 });
        let march = used.take(rule, 3, now_ms + 1).unwrap();
        assert_eq!(march.level(rule, now_ms + 1), Level { quantity: 10, remaining: 7, reset_ms: 31 * 86_400_000 });
        // What February took does not come back in March; and a clock that is late does not count for February again.
        assert_eq!(march.give_back(rule, 3, now_ms, now_ms + 1), march);
        assert_eq!(march.level(rule, now_ms).remaining, 7);
    }
}
