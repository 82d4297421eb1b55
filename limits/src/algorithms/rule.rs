use std::borrow::Cow;

use forebay_contract::catalog::{LimitSpec, Window};
use serde::{Deserialize, Serialize};

use super::{
    memory::{Counting, Memory, Method},
    pace::Pace,
};

/// How far a product with a decimal fraction may fall short of what the decimals say: 100 × 0.29 is not quite 29.
const PRODUCT_ERROR: f64 = 4.0 * f64::EPSILON;

/// A rate: so many units a window, counted one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub(super) method: Method,
    pub(super) quantity: u64,
    pub(super) window: Window,
    /// Of the quantity and the window; here because dividing costs more than all the rest of a decision.
    pub(super) pace: Pace,
}

/// Not now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Milliseconds until the same amount passes if nothing else does before; never 0. `None`: the amount is more than
    /// the rule ever gives at once.
    pub retry_after_ms: Option<u64>,
    /// What to keep in place of the old memory although nothing was taken: there when the clock has gone back by more
    /// than a window, which then costs a window. Whoever does not keep it waits until the clock has caught up.
    pub memory: Option<Memory>,
}

/// What is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// What an untouched limit gives.
    pub quantity: u64,
    /// Units that pass now, one by one. All but the leaky bucket give as many at once too; that one gives a single
    /// submission of any amount up to its quantity whenever this is not 0.
    pub remaining: u64,
    /// Milliseconds until nothing is used any more; for fixed windows until the next one begins.
    pub reset_ms: u64,
}

impl Rule {
    /// The rate that `spec` sets; `None` for in-flight, which is a count of jobs and no rate.
    pub fn of(spec: &LimitSpec) -> Option<Self> {
        let method = Method::of(spec.algorithm)?;
        // The catalog has seen to it that there is a window and that nothing is 0; were it not so, a limit must hold.
        let window = match spec.window {
            None | Some(Window::Seconds(0)) => Window::Seconds(1),
            Some(window) => window,
        };
        Some(Self::new(method, spec.quantity, window))
    }

    pub(super) fn new(method: Method, quantity: u64, window: Window) -> Self {
        let quantity = quantity.max(1);
        Self { method, quantity, window, pace: Pace::of(quantity, window_ms(window)) }
    }

    /// The same rate with its quantity times `multiplier` (0 to 1), rounded down, at least 1.
    ///
    /// Memory goes from one multiplier to another: buckets remember the share of the window that is used, windows and
    /// logs the amount. Under no change does a rule give more than the highest of them alone. To an amount between the
    /// lowered and the full quantity this rule says never; only whoever knows the full one can say when.
    #[must_use]
    pub fn scaled(self, multiplier: f64) -> Self {
        let product = self.quantity as f64 * multiplier.clamp(0.0, 1.0);
        let quantity = (product * (1.0 + PRODUCT_ERROR)).floor() as u64;
        Self::new(self.method, quantity.min(self.quantity), self.window)
    }

    /// Units a window.
    pub fn quantity(&self) -> u64 {
        self.quantity
    }

    /// The memory after `amount` units at `now_ms`, or how long to wait. Nothing is 0 units, and always passes.
    pub fn take(&self, memory: Option<&Memory>, amount: u64, now_ms: u64) -> Result<Memory, Wait> {
        let read = self.read(memory, now_ms);
        if amount == 0 {
            return Ok(read.into_owned());
        }
        if amount > self.quantity {
            return Err(Wait { retry_after_ms: None, memory: None });
        }
        read.take(*self, amount, now_ms).map_err(|wait_ms| Wait {
            retry_after_ms: Some(wait_ms),
            // An untouched limit does not refuse this amount: what is not the caller's own was normalized.
            memory: match read {
                Cow::Owned(normalized) => Some(normalized),
                Cow::Borrowed(_) => None,
            },
        })
    }

    /// Undoes `amount` of what this rule took at `taken_ms`: unused leases come back.
    ///
    /// Never makes more room than an untouched limit has, and none for what no longer counts. In any stretch of time,
    /// what was taken less what came back stays within the limit's definition and what was out when the stretch began.
    /// Buckets give back at this rule's pace: ask the rule that took, not one scaled since.
    #[must_use]
    pub fn give_back(&self, memory: &Memory, amount: u64, taken_ms: u64, now_ms: u64) -> Memory {
        self.read(Some(memory), now_ms).give_back(*self, amount, taken_ms, now_ms)
    }

    /// What is left of it at `now_ms`.
    pub fn level(&self, memory: Option<&Memory>, now_ms: u64) -> Level {
        self.read(memory, now_ms).level(*self, now_ms)
    }

    /// Whether the memory is as good as none at `now_ms`.
    pub fn is_spent(&self, memory: &Memory, now_ms: u64) -> bool {
        self.read(Some(memory), now_ms).is_spent(*self, now_ms)
    }

    /// The memory as it counts: none, or another algorithm's, is an untouched limit's.
    fn read<'m>(&self, memory: Option<&'m Memory>, now_ms: u64) -> Cow<'m, Memory> {
        match memory.filter(|memory| memory.is_of(self.method)) {
            None => Cow::Owned(Memory::untouched(*self, now_ms)),
            Some(memory) => memory.normalized(*self, now_ms).map_or(Cow::Borrowed(memory), Cow::Owned),
        }
    }

    /// The window in milliseconds; the longest month for months.
    pub(super) fn window_ms(self) -> u64 {
        window_ms(self.window)
    }
}

fn window_ms(window: Window) -> u64 {
    window.seconds().saturating_mul(1000).max(1)
}
