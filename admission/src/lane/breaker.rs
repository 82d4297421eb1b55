//! The circuit breaker of one model version: closed, dampened, open, half-open.
//!
//! Below a tenth of failures everything passes; from there to three tenths ever fewer submissions do, which is often
//! enough for an overloaded version to recover; beyond, none does for a while. Then a few probes decide.

use serde::{Deserialize, Serialize};

use super::window::OutcomeWindow;

/// From this share of failures on submissions are dampened.
const DAMPEN_AT: f64 = 0.1;
/// From this share on the breaker opens.
const OPEN_AT: f64 = 0.3;
/// The share of submissions that passes just before it opens.
const LEAST_ADMITTED: f64 = 0.2;
/// Fewer outcomes than this in the window say nothing.
const LEAST_OUTCOMES: u64 = 10;
/// The first opening; each further one lasts twice as long, up to the longest.
const FIRST_OPEN_MS: u64 = 2_000;
const LONGEST_OPEN_MS: u64 = 60_000;
/// Good outcomes that close a half-open breaker, and permits that are out at a time.
const PROBES: u32 = 3;
/// A probe whose outcome has not come by then is forgotten and its permit lent anew: jobs may wait long in their queue,
/// be canceled, or never be sent at all. A breaker that waited for them would stay half-open for ever.
const PROBE_PATIENCE_MS: u64 = 10_000;

/// What a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// A submission with this probability.
    Dampened {
        /// Between 0 and 1.
        admit: f64,
    },
    /// Nothing until then (milliseconds since the epoch).
    Open {
        /// When it becomes half-open.
        until_ms: u64,
    },
    /// So many submissions, to see how they go.
    HalfOpen {
        /// Permits.
        probes: u32,
    },
}

/// The breaker of one model version. The clock is an argument.
#[derive(Debug, Clone, Default)]
pub(super) struct Breaker {
    window: OutcomeWindow,
    tripped: Option<Tripped>,
    /// Openings in a row: those that came soon after the last one ended.
    openings: u32,
    closed_ms: u64,
}

/// Open until `since_ms + open_ms`, half-open from then on.
#[derive(Debug, Clone, Copy)]
struct Tripped {
    since_ms: u64,
    open_ms: u64,
    /// Good outcomes since it is half-open.
    good: u32,
    /// Permits that are out, and since when.
    lent: u32,
    lent_ms: u64,
}

impl Breaker {
    /// Counts jobs of the version that ended. Only failures that speak against the version belong here: a bad input
    /// does not.
    ///
    /// Jobs are not marked as probes: when the breaker is half-open, each outcome says as much about the version as
    /// the next. What comes while it is open was admitted before and says nothing new.
    pub(super) fn record(&mut self, ok: u32, failed: u32, now_ms: u64) {
        self.rebase(now_ms);
        let Some(tripped) = &mut self.tripped else {
            self.window.add(ok.into(), failed.into(), now_ms);
            if self.window.error_rate(LEAST_OUTCOMES, now_ms).is_some_and(|rate| rate >= OPEN_AT) {
                self.trip(now_ms);
            }
            return;
        };
        if tripped.is_open(now_ms) {
            return;
        }
        if failed > 0 {
            self.trip(now_ms);
            return;
        }
        tripped.good = tripped.good.saturating_add(ok);
        tripped.lent = tripped.lent.saturating_sub(ok);
        if tripped.good >= PROBES {
            self.tripped = None;
            self.closed_ms = now_ms;
            self.window.clear();
        }
    }

    /// What the breaker lets through now; half-open, the permits that [`Breaker::take_probes`] would lend.
    pub(super) fn state(&self, now_ms: u64) -> BreakerState {
        match self.tripped {
            Some(tripped) if tripped.is_open(now_ms) => {
                BreakerState::Open { until_ms: tripped.since_ms.min(now_ms).saturating_add(tripped.open_ms) }
            }
            Some(tripped) => BreakerState::HalfOpen { probes: tripped.permits(now_ms) },
            None => match self.window.error_rate(LEAST_OUTCOMES, now_ms) {
                Some(rate) if rate >= DAMPEN_AT => BreakerState::Dampened { admit: admitted(rate) },
                _ => BreakerState::Closed,
            },
        }
    }

    /// Lends the permits there are: none unless the breaker is half-open.
    pub(super) fn take_probes(&mut self, now_ms: u64) -> u32 {
        self.rebase(now_ms);
        let Some(tripped) = self.tripped.as_mut().filter(|tripped| !tripped.is_open(now_ms)) else { return 0 };
        let permits = tripped.permits(now_ms);
        if permits > 0 {
            // Forgotten ones are not out any more.
            tripped.lent = if tripped.is_patient(now_ms) { tripped.lent.saturating_add(permits) } else { permits };
            tripped.lent_ms = now_ms;
        }
        permits
    }

    fn trip(&mut self, now_ms: u64) {
        let soon = self.tripped.is_some() || now_ms.saturating_sub(self.closed_ms) < LONGEST_OPEN_MS;
        self.openings = if soon { self.openings.saturating_add(1) } else { 1 };
        let doubled = FIRST_OPEN_MS.checked_shl(self.openings.saturating_sub(1).min(32)).unwrap_or(LONGEST_OPEN_MS);
        let open_ms = doubled.min(LONGEST_OPEN_MS);
        self.tripped = Some(Tripped { since_ms: now_ms, open_ms, good: 0, lent: 0, lent_ms: now_ms });
        self.window.clear();
    }

    /// After the clock jumped back nothing began later than now: it costs one opening at most.
    fn rebase(&mut self, now_ms: u64) {
        self.closed_ms = self.closed_ms.min(now_ms);
        if let Some(tripped) = &mut self.tripped {
            tripped.since_ms = tripped.since_ms.min(now_ms);
            tripped.lent_ms = tripped.lent_ms.min(now_ms);
        }
    }
}

impl Tripped {
    fn is_open(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.since_ms) < self.open_ms
    }

    fn is_patient(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.lent_ms) < PROBE_PATIENCE_MS
    }

    fn permits(&self, now_ms: u64) -> u32 {
        PROBES.saturating_sub(self.good).saturating_sub(if self.is_patient(now_ms) { self.lent } else { 0 })
    }
}

/// Falls in a straight line between the two thresholds. Above the second one it stays at the least: the window may
/// slide there while nothing new is heard, and the next outcome decides.
fn admitted(rate: f64) -> f64 {
    let share = ((rate - DAMPEN_AT) / (OPEN_AT - DAMPEN_AT)).clamp(0.0, 1.0);
    1.0 - share * (1.0 - LEAST_ADMITTED)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: u64 = 1_800_000_000_000;

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        breaker.record(0, 10, START);
        assert_eq!(breaker.state(START), BreakerState::Open { until_ms: START + 2_000 });
        breaker
    }

    #[test]
    fn the_share_of_failures_decides_how_much_passes() {
        for (ok, failed, expect) in [
            (0, 9, BreakerState::Closed),
            (100, 0, BreakerState::Closed),
            (91, 9, BreakerState::Closed),
            (90, 10, BreakerState::Dampened { admit: 1.0 }),
            (80, 20, BreakerState::Dampened { admit: 0.6 }),
            (70, 30, BreakerState::Open { until_ms: START + 2_000 }),
            (0, 10, BreakerState::Open { until_ms: START + 2_000 }),
        ] {
            let mut breaker = Breaker::default();
            breaker.record(ok, failed, START);
            match (breaker.state(START), expect) {
                (BreakerState::Dampened { admit }, BreakerState::Dampened { admit: expect }) => {
                    assert!((admit - expect).abs() < 1e-9, "{ok} ok, {failed} failed: {admit}");
                }
                (state, expect) => assert_eq!(state, expect, "{ok} ok, {failed} failed"),
            }
        }
    }

    #[test]
    fn good_probes_close_it_and_a_bad_one_opens_it_for_twice_as_long() {
        let mut breaker = opened();
        assert_eq!(breaker.take_probes(START + 1_999), 0);
        assert_eq!(breaker.state(START + 2_000), BreakerState::HalfOpen { probes: 3 });
        assert_eq!(breaker.take_probes(START + 2_000), 3);
        assert_eq!(breaker.take_probes(START + 2_001), 0);
        breaker.record(1, 0, START + 2_002);
        assert_eq!(breaker.state(START + 2_002), BreakerState::HalfOpen { probes: 0 });
        breaker.record(0, 1, START + 2_003);
        assert_eq!(breaker.state(START + 2_003), BreakerState::Open { until_ms: START + 6_003 });
        assert_eq!(breaker.take_probes(START + 6_003), 3);
        breaker.record(3, 0, START + 6_100);
        assert_eq!(breaker.state(START + 6_100), BreakerState::Closed);
    }

    #[test]
    fn lost_probes_are_lent_anew() {
        let mut breaker = opened();
        assert_eq!(breaker.take_probes(START + 2_000), 3);
        breaker.record(1, 0, START + 3_000);
        assert_eq!(breaker.take_probes(START + 11_999), 0);
        assert_eq!(breaker.take_probes(START + 12_000), 2);
        assert_eq!(breaker.take_probes(START + 12_001), 0);
        breaker.record(2, 0, START + 13_000);
        assert_eq!(breaker.state(START + 13_000), BreakerState::Closed);
    }

    #[test]
    fn openings_double_up_to_a_minute_and_start_anew_after_a_quiet_one() {
        let (mut breaker, mut now, mut lasted) = (opened(), START, Vec::new());
        for _ in 0..7 {
            let BreakerState::Open { until_ms } = breaker.state(now) else { panic!("not open") };
            lasted.push(until_ms - now);
            now = until_ms;
            breaker.record(0, 1, now);
        }
        assert_eq!(lasted, [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        now += 60_000;
        breaker.record(3, 0, now);
        now += 60_000;
        breaker.record(0, 10, now);
        assert_eq!(breaker.state(now), BreakerState::Open { until_ms: now + 2_000 });
    }

    #[test]
    fn what_was_admitted_before_an_opening_does_not_make_it_longer() {
        let mut breaker = opened();
        breaker.record(50, 50, START + 1_000);
        assert_eq!(breaker.state(START + 1_000), BreakerState::Open { until_ms: START + 2_000 });
        assert_eq!(breaker.state(START + 2_000), BreakerState::HalfOpen { probes: 3 });
    }

    /// Anything that can happen to a breaker, at any time within two minutes.
    fn history() -> impl Strategy<Value = Vec<(u64, u32, u32, bool)>> {
        prop::collection::vec((0u64..120_000, 0u32..20, 0u32..20, any::<bool>()), 0..60)
    }

    fn lived(history: &[(u64, u32, u32, bool)]) -> Breaker {
        let mut breaker = Breaker::default();
        for (at, ok, failed, probe) in history {
            breaker.record(*ok, *failed, START + at);
            if *probe {
                breaker.take_probes(START + at);
            }
        }
        breaker
    }

    proptest! {
        #[test]
        fn whatever_happened_good_outcomes_close_it_within_two_minutes(history in history()) {
            let mut breaker = lived(&history);
            let mut now = START;
            let closed = (0..120).any(|_| {
                now += 1_000;
                // Only what is let through can have an outcome.
                let passing = match breaker.state(now) {
                    BreakerState::Open { .. } => 0,
                    BreakerState::HalfOpen { .. } => breaker.take_probes(now),
                    BreakerState::Dampened { .. } | BreakerState::Closed => 5,
                };
                breaker.record(passing, 0, now);
                breaker.state(now) == BreakerState::Closed
            });
            prop_assert!(closed, "{:?}", breaker);
        }

        #[test]
        fn an_open_breaker_lends_nothing_and_is_half_open_when_it_said(history in history(), at in 0u64..240_000) {
            let mut breaker = lived(&history);
            let now = START + at;
            if let BreakerState::Open { until_ms } = breaker.state(now) {
                prop_assert!(until_ms > now && until_ms - now <= LONGEST_OPEN_MS);
                prop_assert_eq!(breaker.take_probes(now), 0);
                let opened = matches!(breaker.state(until_ms - 1), BreakerState::Open { .. });
                prop_assert!(opened);
                let half_open = matches!(breaker.state(until_ms), BreakerState::HalfOpen { .. });
                prop_assert!(half_open);
            }
        }

        #[test]
        fn few_outcomes_never_open_it(failures in prop::collection::vec(0u64..30_000, 0..9)) {
            let mut breaker = Breaker::default();
            for at in failures {
                breaker.record(0, 1, START + at);
                prop_assert_eq!(breaker.state(START + at), BreakerState::Closed);
            }
        }

        #[test]
        fn a_clock_that_jumps_back_costs_one_opening_at_most(history in history(), jump in 0u64..10_000_000) {
            let mut breaker = lived(&history);
            let now = START - jump;
            breaker.take_probes(now);
            let state = breaker.state(now + LONGEST_OPEN_MS);
            let open = matches!(state, BreakerState::Open { .. });
            prop_assert!(!open, "{:?}", state);
        }

        #[test]
        fn no_more_probes_are_out_at_a_time_than_there_are_permits(asks in prop::collection::vec(0u64..9_000, 1..50)) {
            let mut breaker = opened();
            let lent: u32 = asks.iter().map(|at| breaker.take_probes(START + 2_000 + at)).sum();
            prop_assert!(lent <= PROBES);
        }
    }
}
