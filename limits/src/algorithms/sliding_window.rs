//! The sliding window as a counter: this window's count, and that of the last one times the share of it that a window
//! ending now still covers, as if it had been spread evenly.
//!
//! It was not always, so the promise is: a window gives at most the quantity; and at e into a window, the time of one
//! window before gave at most quantity × (1 + e ÷ window), which is always less than twice the quantity.

use serde::{Deserialize, Serialize};

use super::{
    memory::Counting,
    rule::{Level, Rule},
    span::Span,
};

/// A window's count and that of the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlidingWindow {
    start_ms: u64,
    count: u64,
    previous: u64,
}

impl SlidingWindow {
    /// The counts of the window that counts. Until the clock is there, time stands still where that begins.
    fn current(&self, rule: Rule, now_ms: u64) -> Self {
        let Span { start_ms, .. } = Span::aligned(rule.window_ms(), now_ms.max(self.start_ms));
        let (count, previous) = if self.start_ms >= start_ms {
            (self.count, self.previous)
        } else if self.start_ms.saturating_add(rule.window_ms()) >= start_ms {
            (0, self.count)
        } else {
            (0, 0)
        };
        Self { start_ms, count, previous }
    }

    fn end_ms(&self, rule: Rule) -> u64 {
        self.start_ms.saturating_add(rule.window_ms())
    }

    /// What counts as used in the window that counts, rounded up.
    fn used(&self, rule: Rule, now_ms: u64) -> u64 {
        let covered = self.end_ms(rule).saturating_sub(now_ms.max(self.start_ms));
        let previous = match self.previous.checked_mul(covered) {
            Some(product) => product.div_ceil(rule.window_ms()),
            // More than a catalog allows. Covered is at most the window, so this fits again.
            None => (u128::from(self.previous) * u128::from(covered)).div_ceil(u128::from(rule.window_ms())) as u64,
        };
        self.count.saturating_add(previous)
    }

    /// The first millisecond at which no more than `room` counts as used; it is more now.
    fn at_most(&self, rule: Rule, room: u64) -> u64 {
        // What a catalog allows does not saturate.
        let share = |room: u64, of: u64| room.saturating_mul(rule.window_ms()) / of.max(1);
        match room.checked_sub(self.count) {
            Some(room) => self.end_ms(rule).saturating_sub(share(room, self.previous)),
            // This window's count must fade first: it is the next one's previous.
            None => self.end_ms(rule).saturating_add(rule.window_ms()).saturating_sub(share(room, self.count)),
        }
    }
}

impl Counting for SlidingWindow {
    fn untouched(rule: Rule, now_ms: u64) -> Self {
        Self { start_ms: Span::aligned(rule.window_ms(), now_ms).start_ms, count: 0, previous: 0 }
    }

    fn normalized(&self, rule: Rule, now_ms: u64) -> Option<Self> {
        if self.start_ms <= now_ms {
            return None;
        }
        let latest = Span::aligned(rule.window_ms(), now_ms).end_ms;
        (self.start_ms > latest).then_some(Self { start_ms: latest, ..*self })
    }

    fn take(&self, rule: Rule, amount: u64, now_ms: u64) -> Result<Self, u64> {
        let current = self.current(rule, now_ms);
        let room = rule.quantity.saturating_sub(amount);
        if current.used(rule, now_ms) > room {
            return Err(current.at_most(rule, room).saturating_sub(now_ms).max(1));
        }
        Ok(Self { count: current.count.saturating_add(amount), ..current })
    }

    fn give_back(&self, rule: Rule, amount: u64, taken_ms: u64, _now_ms: u64) -> Self {
        let taken = Span::aligned(rule.window_ms(), taken_ms);
        if taken.start_ms == self.start_ms {
            Self { count: self.count.saturating_sub(amount), ..*self }
        } else if taken.end_ms == self.start_ms {
            Self { previous: self.previous.saturating_sub(amount), ..*self }
        } else {
            self.clone()
        }
    }

    fn level(&self, rule: Rule, now_ms: u64) -> Level {
        let current = self.current(rule, now_ms);
        let reset_at = match (current.count, current.previous) {
            (0, 0) => now_ms,
            (0, _) => current.end_ms(rule),
            _ => current.end_ms(rule).saturating_add(rule.window_ms()),
        };
        Level {
            quantity: rule.quantity,
            remaining: rule.quantity.saturating_sub(current.used(rule, now_ms)),
            reset_ms: reset_at.saturating_sub(now_ms),
        }
    }

    fn is_spent(&self, rule: Rule, now_ms: u64) -> bool {
        let current = self.current(rule, now_ms);
        current.count == 0 && current.previous == 0
    }
}

#[cfg(test)]
mod tests {
    use forebay_contract::catalog::Window;

    use crate::algorithms::{Rule, memory::Method};

    use super::*;

    const START: u64 = 1_800_000_000_000;

    fn rule() -> Rule {
        Rule::new(Method::SlidingWindow, 10, Window::Seconds(10))
    }

    #[test]
    fn the_last_window_fades_evenly() {
        let rule = rule();
        let full = SlidingWindow::untouched(rule, START).take(rule, 10, START + 5000).unwrap();
        assert_eq!(full.take(rule, 1, START + 5000), Err(6000));
        assert_eq!(full.take(rule, 10, START + 5000), Err(15_000));
        for (now_ms, remaining, reset_ms) in [(5000, 0, 15_000), (10_999, 0, 9001), (11_000, 1, 9000), (20_000, 10, 0)]
        {
            let level = full.level(rule, START + now_ms);
            assert_eq!(level, Level { quantity: 10, remaining, reset_ms }, "{now_ms}");
        }
    }

    #[test]
    fn what_comes_back_is_of_this_window_or_the_last() {
        let rule = rule();
        let first = SlidingWindow::untouched(rule, START).take(rule, 6, START).unwrap();
        let both = first.take(rule, 4, START + 10_000).unwrap();
        for (taken_ms, count, previous) in [(10_000, 2, 6), (0, 4, 4), (20_000, 4, 6)] {
            let back = both.give_back(rule, 2, START + taken_ms, START + 10_000);
            assert_eq!(back, SlidingWindow { start_ms: START + 10_000, count, previous }, "{taken_ms}");
        }
        let later = both.take(rule, 1, START + 20_000).unwrap();
        assert_eq!(later.give_back(rule, 2, START, START + 20_000), later);
    }

    #[test]
    fn its_bound_is_reached() {
        let rule = rule();
        // All at the end of one window, and then whatever passes.
        let mut window = SlidingWindow::untouched(rule, START).take(rule, 10, START + 9999).unwrap();
        let mut passed = 0;
        for into_ms in 0..10_000 {
            if let Ok(next) = window.take(rule, 1, START + 10_000 + into_ms) {
                (window, passed) = (next, passed + 1);
            }
            assert_eq!(10 + passed, 10 * (10_000 + into_ms) / 10_000);
        }
    }
}
