//! What every algorithm is held to.

use forebay_contract::catalog::Window;
use proptest::prelude::*;

use super::{
    Memory, Rule, Wait,
    memory::Method::{self, FixedWindow, LeakyBucket, SlidingLog, SlidingWindow, TokenBucket},
    span::Span,
};

const START: u64 = 1_800_000_000_000;
const METHODS: [Method; 5] = [TokenBucket, LeakyBucket, FixedWindow, SlidingWindow, SlidingLog];

/// Something that passed: when, how much time had gone forward until then, and how much.
#[derive(Debug, Clone, Copy)]
struct Passed {
    now_ms: u64,
    forward_ms: u64,
    amount: u64,
}

/// Whether `sum` units, `last` of them in the last submission, may pass in a stretch of `ms`.
fn may_pass(rule: Rule, ms: u64, sum: u64, last: u64) -> bool {
    let (quantity, window_ms) = (rule.quantity, rule.window_ms());
    match rule.method {
        TokenBucket => sum * window_ms <= quantity * (window_ms + ms),
        LeakyBucket => sum.saturating_sub(last) * window_ms <= quantity * (ms + 1),
        FixedWindow => sum <= quantity * (ms / window_ms + 2),
        SlidingWindow => ms >= window_ms || sum < 2 * quantity,
        SlidingLog => ms >= window_ms || sum <= quantity,
    }
}

/// Whether every stretch keeps to the rule's definition, in the time that went forward.
fn keep_to(rule: Rule, passed: &[Passed]) -> bool {
    (0..passed.len()).all(|from| {
        let mut sum = 0;
        passed[from..].iter().all(|last| {
            sum += last.amount;
            may_pass(rule, last.forward_ms - passed[from].forward_ms, sum, last.amount)
        })
    })
}

/// What passed in `from_ms..=to_ms`.
fn sum(passed: &[Passed], from_ms: u64, to_ms: u64) -> u64 {
    passed.iter().filter(|one| (from_ms..=to_ms).contains(&one.now_ms)).map(|one| one.amount).sum()
}

fn rules() -> impl Strategy<Value = Rule> {
    (prop::sample::select(&METHODS), 1u64..60, 1u64..20)
        .prop_map(|(method, quantity, window_s)| Rule::new(method, quantity, Window::Seconds(window_s)))
}

/// Milliseconds from one submission to the next.
fn gaps() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..3, 0u64..300, 0u64..3000, 0u64..60_000]
}

/// Gaps and amounts; an amount is cut to the rule's quantity.
fn schedule() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((gaps(), prop_oneof![Just(1u64), 1u64..60]), 1..80)
}

/// Which of those that passed comes back, and how much of it.
fn returns() -> impl Strategy<Value = (prop::sample::Index, u64)> {
    (any::<prop::sample::Index>(), 1u64..60)
}

/// A caller as it should be: it keeps what it is given to keep.
struct Caller {
    rule: Rule,
    memory: Option<Memory>,
}

impl Caller {
    fn new(rule: Rule) -> Self {
        Self { rule, memory: None }
    }

    /// A caller with a past; and the time.
    fn after(rule: Rule, schedule: &[(u64, u64)]) -> (Self, u64) {
        let (mut caller, mut now_ms) = (Self::new(rule), START);
        for (gap, amount) in schedule {
            now_ms += gap;
            let _ = caller.take(*amount, now_ms);
        }
        (caller, now_ms)
    }

    /// The amount taken, or how long to wait.
    fn take(&mut self, amount: u64, now_ms: u64) -> Result<u64, u64> {
        let amount = amount.min(self.rule.quantity);
        match self.rule.take(self.memory.as_ref(), amount, now_ms) {
            Ok(memory) => {
                self.memory = Some(memory);
                Ok(amount)
            }
            Err(Wait { retry_after_ms, memory }) => {
                self.memory = memory.or(self.memory.take());
                Err(retry_after_ms.expect("an amount within the quantity passes some time"))
            }
        }
    }

    /// Whether it would pass, changing nothing.
    fn would_pass(&self, amount: u64, now_ms: u64) -> bool {
        self.rule.take(self.memory.as_ref(), amount.min(self.rule.quantity), now_ms).is_ok()
    }

    fn remaining(&self, now_ms: u64) -> u64 {
        self.rule.level(self.memory.as_ref(), now_ms).remaining
    }
}

/// Whether both decide and stand alike through a schedule.
fn alike(mut one: Caller, mut other: Caller, mut now_ms: u64, schedule: &[(u64, u64)]) -> bool {
    schedule.iter().all(|(gap, amount)| {
        now_ms += gap;
        one.rule.level(one.memory.as_ref(), now_ms) == other.rule.level(other.memory.as_ref(), now_ms)
            && one.take(*amount, now_ms) == other.take(*amount, now_ms)
    })
}

#[test]
fn more_than_the_quantity_never_passes_and_nothing_always_does() {
    for method in METHODS {
        let rule = Rule::new(method, 5, Window::Seconds(1));
        assert_eq!(rule.take(None, 6, START), Err(Wait { retry_after_ms: None, memory: None }));
        let used = rule.take(None, 5, START).unwrap();
        assert_eq!(rule.take(Some(&used), 0, START), Ok(used));
    }
}

#[test]
fn another_algorithms_memory_counts_as_none() {
    for (method, other) in METHODS.iter().flat_map(|method| METHODS.map(|other| (*method, other))) {
        let rule = |method| Rule::new(method, 5, Window::Seconds(1));
        let used = rule(other).take(None, 5, START).unwrap();
        let counts = method == other;
        assert_eq!(rule(method).take(Some(&used), 5, START).is_err(), counts);
        assert_eq!(rule(method).level(Some(&used), START) != rule(method).level(None, START), counts);
        assert_eq!(rule(method).is_spent(&used, START), !counts);
    }
}

#[test]
fn no_clock_and_no_memory_is_too_wrong() {
    let far = serde_json::from_str::<Vec<Memory>>(
        r#"[{"token-bucket":{"full_at_ns":18446744073709551615}},
            {"leaky-bucket":{"since_ms":18446744073709551615,"free_at_ns":18446744073709551615}},
            {"fixed-window":{"start_ms":18446744073709551615,"count":18446744073709551615}},
            {"sliding-window":{"start_ms":18446744073709551615,"count":18446744073709551615,
              "previous":18446744073709551615}},
            {"sliding-log":[[18446744073709551615,18446744073709551615],[0,18446744073709551615]]}]"#,
    );
    for (method, far) in METHODS.into_iter().zip(far.unwrap()) {
        for window in [Window::Seconds(1), Window::Seconds(u64::MAX), Window::Day, Window::Month] {
            for (now_ms, quantity) in [0, START, u64::MAX].into_iter().flat_map(|now| [(now, 1), (now, u64::MAX)]) {
                let rule = Rule::new(method, quantity, window);
                for memory in [None, Some(&far)] {
                    let after = rule.take(memory, 1, now_ms).unwrap_or_else(|wait| wait.memory.unwrap_or(far.clone()));
                    let _ = (rule.level(Some(&after), now_ms), rule.is_spent(&after, now_ms));
                    let _ = (rule.give_back(&after, 1, 0, now_ms), rule.give_back(&after, u64::MAX, now_ms, 0));
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn no_stretch_gets_more_than_the_definition_allows(rule in rules(), schedule in schedule()) {
        let (mut caller, mut now_ms, mut passed) = (Caller::new(rule), START, Vec::new());
        for (gap, amount) in schedule {
            now_ms += gap;
            if let Ok(amount) = caller.take(amount, now_ms) {
                passed.push(Passed { now_ms, forward_ms: now_ms - START, amount });
                let window = Span::aligned(rule.window_ms(), now_ms);
                let before = sum(&passed, (now_ms + 1).saturating_sub(rule.window_ms()), now_ms);
                match rule.method {
                    FixedWindow => prop_assert!(sum(&passed, window.start_ms, now_ms) <= rule.quantity),
                    SlidingWindow => {
                        prop_assert!(sum(&passed, window.start_ms, now_ms) <= rule.quantity);
                        let into_ms = now_ms - window.start_ms;
                        prop_assert!(before <= rule.quantity + rule.quantity * into_ms / rule.window_ms());
                    }
                    TokenBucket | LeakyBucket | SlidingLog => {}
                }
            }
        }
        prop_assert!(keep_to(rule, &passed));
    }

    #[test]
    fn days_and_months_get_their_quantity_and_no_more(
        window in prop::sample::select(&[Window::Day, Window::Month]),
        quantity in 1u64..60,
        gaps in prop::collection::vec((0u64..20 * 86_400_000, 1u64..60), 1..80),
    ) {
        let rule = Rule::new(FixedWindow, quantity, window);
        let (mut caller, mut now_ms, mut passed) = (Caller::new(rule), START, Vec::new());
        for (gap, amount) in gaps {
            now_ms += gap;
            let span = Span::of(window, now_ms);
            let used = sum(&passed, span.start_ms, now_ms);
            prop_assert_eq!(caller.remaining(now_ms), quantity - used);
            match caller.take(amount, now_ms) {
                Ok(amount) => passed.push(Passed { now_ms, forward_ms: 0, amount }),
                Err(wait_ms) => prop_assert_eq!(now_ms + wait_ms, span.end_ms),
            }
        }
    }

    #[test]
    fn denied_until_exactly_when_it_said(rule in rules(), schedule in schedule(), between in 0.0..1.0) {
        let (mut caller, mut now_ms) = (Caller::new(rule), START);
        for (gap, amount) in schedule {
            now_ms += gap;
            if let Err(wait_ms) = caller.take(amount, now_ms) {
                prop_assert!(wait_ms > 0);
                prop_assert!(!caller.would_pass(amount, now_ms + (wait_ms as f64 * between) as u64));
                prop_assert!(!caller.would_pass(amount, now_ms + wait_ms - 1));
                prop_assert!(caller.would_pass(amount, now_ms + wait_ms));
            }
        }
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away_and_costs_a_window_at_most(
        rule in rules(),
        schedule in prop::collection::vec((gaps(), any::<bool>(), 1u64..60), 1..80),
    ) {
        let (mut caller, mut now_ms, mut forward_ms, mut passed) = (Caller::new(rule), START, 0, Vec::new());
        let ordinary_ms = rule.window_ms() * if rule.method == SlidingWindow { 2 } else { 1 };
        for (gap, back, amount) in schedule {
            if back {
                now_ms -= gap;
            } else {
                (now_ms, forward_ms) = (now_ms + gap, forward_ms + gap);
            }
            match caller.take(amount, now_ms) {
                Ok(amount) => passed.push(Passed { now_ms, forward_ms, amount }),
                Err(wait_ms) => {
                    // Buckets round an interval up to the nanosecond, and waits to the millisecond.
                    prop_assert!(wait_ms <= ordinary_ms + rule.window_ms() + 1);
                    prop_assert!(!caller.would_pass(amount, now_ms + wait_ms - 1));
                    prop_assert!(caller.would_pass(amount, now_ms + wait_ms));
                }
            }
        }
        prop_assert!(keep_to(rule, &passed));
    }

    #[test]
    fn after_idling_a_limit_is_as_good_as_untouched_and_no_better(
        rule in rules(),
        before in schedule(),
        after in schedule(),
    ) {
        let (caller, now_ms) = Caller::after(rule, &before);
        let now_ms = now_ms + 2 * rule.window_ms() + 1;
        prop_assert!(caller.memory.as_ref().is_none_or(|memory| rule.is_spent(memory, now_ms)));
        prop_assert!(alike(caller, Caller::new(rule), now_ms, &after));
        let (mut idle, mut burst) = (Caller::new(rule), 0);
        while idle.take(1, now_ms).is_ok() {
            burst += 1;
        }
        // These intervals are longer than a millisecond.
        prop_assert_eq!(burst, if rule.method == LeakyBucket { 1 } else { rule.quantity });
    }

    #[test]
    fn what_is_spent_says_nothing(rule in rules(), before in schedule(), idle in gaps(), after in schedule()) {
        let (caller, now_ms) = Caller::after(rule, &before);
        let now_ms = now_ms + idle;
        let spent = caller.memory.as_ref().is_none_or(|memory| rule.is_spent(memory, now_ms));
        let level = rule.level(caller.memory.as_ref(), now_ms);
        if spent {
            prop_assert!(alike(caller, Caller::new(rule), now_ms, &after));
        } else {
            prop_assert!(level.reset_ms > 0);
        }
    }

    #[test]
    fn the_level_is_what_passes(rule in rules(), before in schedule(), idle in gaps()) {
        let (mut caller, now_ms) = Caller::after(rule, &before);
        let now_ms = now_ms + idle;
        let level = rule.level(caller.memory.as_ref(), now_ms);
        prop_assert_eq!(caller.remaining(now_ms + level.reset_ms), Caller::new(rule).remaining(now_ms));
        let at_once = if rule.method == LeakyBucket { level.remaining * rule.quantity } else { level.remaining };
        prop_assert!(caller.would_pass(at_once, now_ms));
        prop_assert!(at_once == rule.quantity || !caller.would_pass(at_once + 1, now_ms));
        for _ in 0..level.remaining {
            prop_assert_eq!(caller.take(1, now_ms), Ok(1));
        }
        prop_assert!(caller.take(1, now_ms).is_err());
    }

    #[test]
    fn given_back_at_once_is_never_taken(
        rule in rules(),
        before in schedule(),
        amount in 1u64..60,
        after in schedule(),
    ) {
        let (caller, now_ms) = Caller::after(rule, &before);
        let mut leased = Caller { rule, memory: caller.memory.clone() };
        if let Ok(amount) = leased.take(amount, now_ms) {
            leased.memory = leased.memory.map(|memory| rule.give_back(&memory, amount, now_ms, now_ms));
            prop_assert!(alike(caller, leased, now_ms, &after));
        }
    }

    #[test]
    fn given_back_later_makes_no_more_room_than_was_out(
        rule in rules(),
        schedule in prop::collection::vec((gaps(), 1u64..60, prop::option::of(returns())), 1..60),
    ) {
        let (mut caller, mut now_ms) = (Caller::new(rule), START);
        // What passed, and what of it came back before which other.
        let (mut passed, mut returned): (Vec<Passed>, Vec<(usize, usize, u64)>) = (Vec::new(), Vec::new());
        for (gap, amount, back) in schedule {
            now_ms += gap;
            if let (Some((index, amount)), false) = (back, passed.is_empty()) {
                let which = index.index(passed.len());
                let gone: u64 = returned.iter().filter(|(of, ..)| *of == which).map(|(.., amount)| amount).sum();
                let amount = amount.min(passed[which].amount - gone);
                let taken_ms = passed[which].now_ms;
                caller.memory = caller.memory.map(|memory| rule.give_back(&memory, amount, taken_ms, now_ms));
                prop_assert!(caller.remaining(now_ms) <= Caller::new(rule).remaining(now_ms));
                returned.push((which, passed.len(), amount));
            }
            if let Ok(amount) = caller.take(amount, now_ms) {
                passed.push(Passed { now_ms, forward_ms: now_ms - START, amount });
            }
        }
        for from in 0..passed.len() {
            for to in from..passed.len() {
                let sum: u64 = passed[from..=to].iter().map(|one| one.amount).sum();
                // In the stretch: of what it took, and of what was out when it began.
                let within = returned.iter().filter(|(_, before, _)| (from + 1..=to).contains(before));
                let back: u64 = within.map(|(.., amount)| amount).sum();
                let ms = passed[to].now_ms - passed[from].now_ms;
                prop_assert!(may_pass(rule, ms, sum - back.min(sum), passed[to].amount));
            }
        }
    }

    #[test]
    fn a_log_forgets_exactly_what_comes_back(
        quantity in 1u64..60,
        before in schedule(),
        between in schedule(),
        after in schedule(),
    ) {
        let rule = Rule::new(SlidingLog, quantity, Window::Seconds(10));
        let (mut without, taken_ms) = Caller::after(rule, &before);
        let mut with = Caller { rule, memory: without.memory.clone() };
        if let Ok(amount) = with.take(1, taken_ms) {
            let mut now_ms = taken_ms;
            for (gap, amount) in between {
                now_ms += gap;
                if with.take(amount, now_ms).is_ok() {
                    prop_assert!(without.take(amount, now_ms).is_ok());
                }
            }
            with.memory = with.memory.map(|memory| rule.give_back(&memory, amount, taken_ms, now_ms));
            prop_assert!(alike(with, without, now_ms, &after));
        }
    }

    #[test]
    fn memory_is_the_same_after_json(rule in rules(), schedule in schedule()) {
        let (caller, _) = Caller::after(rule, &schedule);
        let json = serde_json::to_string(&caller.memory).unwrap();
        prop_assert_eq!(serde_json::from_str::<Option<Memory>>(&json).unwrap(), caller.memory);
    }

    #[test]
    fn under_changing_multipliers_nothing_gets_more_than_the_full_rule_gives(
        method in prop::sample::select(&METHODS),
        quantity in prop::sample::select(&[1u64, 2, 5, 12, 20, 60]),
        schedule in prop::collection::vec((gaps(), 1u64..60, prop::option::of(0.0..1.2)), 1..80),
    ) {
        let full = Rule::new(method, quantity, Window::Seconds(60));
        let (mut caller, mut now_ms, mut passed) = (Caller::new(full), START, Vec::new());
        for (gap, amount, multiplier) in schedule {
            now_ms += gap;
            if let Some(multiplier) = multiplier {
                caller.rule = full.scaled(multiplier);
            }
            if let Ok(amount) = caller.take(amount, now_ms) {
                passed.push(Passed { now_ms, forward_ms: now_ms - START, amount });
            }
        }
        prop_assert!(keep_to(full, &passed));
    }

    #[test]
    fn a_lowered_rule_holds_from_the_moment_it_is_lowered(
        rule in rules(),
        multiplier in 0.0..1.0,
        before in schedule(),
        after in schedule(),
    ) {
        let (mut caller, mut now_ms) = Caller::after(rule, &before);
        caller.rule = rule.scaled(multiplier);
        let mut passed = Vec::new();
        for (gap, amount) in after {
            now_ms += gap;
            match caller.take(amount, now_ms) {
                Ok(amount) => passed.push(Passed { now_ms, forward_ms: now_ms - START, amount }),
                Err(wait_ms) => {
                    prop_assert!(wait_ms <= 2 * rule.window_ms() + 1);
                    prop_assert!(!caller.would_pass(amount, now_ms + wait_ms - 1));
                    prop_assert!(caller.would_pass(amount, now_ms + wait_ms));
                }
            }
        }
        prop_assert!(keep_to(caller.rule, &passed));
    }

    #[test]
    fn scaling_lowers_and_never_to_nothing(rule in rules(), multiplier in any::<f64>()) {
        let scaled = rule.scaled(multiplier);
        prop_assert!((1..=rule.quantity).contains(&scaled.quantity));
        prop_assert_eq!(rule.scaled(1.0), rule);
        prop_assert_eq!(rule.scaled(0.5).quantity, (rule.quantity / 2).max(1));
        prop_assert!(rule.scaled(0.3).quantity <= rule.scaled(0.4).quantity);
    }

    #[test]
    fn scaling_by_hundredths_is_exact(quantity in 1u64..1_000_000_000_000, hundredths in 1u64..=100) {
        let rule = Rule::new(TokenBucket, quantity, Window::Seconds(60));
        prop_assert_eq!(rule.scaled(hundredths as f64 / 100.0).quantity, (quantity * hundredths / 100).max(1));
    }
}
