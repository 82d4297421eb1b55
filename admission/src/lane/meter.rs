//! How fast a lane works its backlog off, measured while there is one, and the backlog smoothed over time.

/// Work is measured over at least so much busy time: what ended is reported in lumps.
const LEAST_BUSY_MS: u64 = 5_000;
/// Time constants.
const RATE_MS: f64 = 30_000.0;
const SMOOTH_MS: f64 = 10_000.0;
/// With less than this waiting, or less than a second of work, the devices may well be idle: then how much ends says
/// how much came, not how much could.
const LEAST_BACKLOG_MS: f64 = 2_000.0;

/// Measures a lane. The clock is an argument.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter {
    /// When it looked last, and the backlog since then.
    seen: Option<(u64, f64)>,
    smoothed_ms: f64,
    rate: Option<f64>,
    /// Of the measurement that runs.
    busy_ms: u64,
    ended_ms: f64,
}

impl Meter {
    /// Goes on from a rate that was measured before.
    pub(super) fn of(rate: Option<f64>) -> Self {
        Self { rate: rate.filter(|rate| rate.is_finite() && *rate > 0.0), ..Self::default() }
    }

    /// From now on `backlog_ms` wait; `ended_ms` ended since the last time.
    pub(super) fn observe(&mut self, backlog_ms: f64, ended_ms: f64, now_ms: u64) {
        let Some((since_ms, waited)) = self.seen.replace((now_ms, backlog_ms)) else {
            self.smoothed_ms = backlog_ms;
            return;
        };
        let passed_ms = now_ms.saturating_sub(since_ms);
        self.smoothed_ms = approach(self.smoothed_ms, waited, passed_ms as f64 / SMOOTH_MS);
        if waited < LEAST_BACKLOG_MS.max(self.rate.unwrap_or(0.0)) {
            return;
        }
        self.busy_ms = self.busy_ms.saturating_add(passed_ms);
        self.ended_ms += ended_ms;
        if self.busy_ms >= LEAST_BUSY_MS {
            let rate = self.ended_ms * 1000.0 / self.busy_ms as f64;
            self.rate = match self.rate {
                Some(before) => Some(approach(before, rate, self.busy_ms as f64 / RATE_MS)),
                // Nothing has ended yet: the workers may only be starting.
                None => Some(rate).filter(|rate| *rate > 0.0),
            };
            (self.busy_ms, self.ended_ms) = (0, 0.0);
        }
    }

    /// Device milliseconds a second, once they were measured.
    pub(super) fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// The backlog over the last ten seconds or so.
    pub(super) fn smoothed_ms(&self) -> f64 {
        self.smoothed_ms
    }
}

/// Where something is that goes towards `target`, after so many of its time constants.
fn approach(from: f64, target: f64, constants: f64) -> f64 {
    // Rounding must not take it past either.
    (target + (from - target) * (-constants).exp()).max(from.min(target)).min(from.max(target))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: u64 = 1_800_000_000_000;

    /// A lane whose devices do `rate` a second, reported in steps of these milliseconds while `backlog` is refilled.
    fn run(meter: &mut Meter, rate: f64, backlog: f64, from_ms: u64, steps: &[u64]) -> u64 {
        let mut now = from_ms;
        meter.observe(backlog, 0.0, now);
        for step in steps {
            now += step;
            meter.observe(backlog, rate * *step as f64 / 1000.0, now);
        }
        now
    }

    #[test]
    fn nothing_is_measured_until_work_has_waited() {
        let mut meter = Meter::default();
        run(&mut meter, 1000.0, 500.0, START, &[1000; 100]);
        assert_eq!(meter.rate(), None);
        assert!((meter.smoothed_ms() - 500.0).abs() < 1e-6);
    }

    #[test]
    fn workers_that_stop_are_noticed() {
        let mut meter = Meter::default();
        let now = run(&mut meter, 1000.0, 50_000.0, START, &[1000; 60]);
        run(&mut meter, 0.0, 50_000.0, now, &[1000; 60]);
        assert!(meter.rate().unwrap() < 200.0, "{meter:?}");
    }

    #[test]
    fn the_smoothed_backlog_follows_within_seconds_and_not_at_once() {
        let mut meter = Meter::default();
        meter.observe(0.0, 0.0, START);
        meter.observe(1000.0, 0.0, START + 1);
        assert!(meter.smoothed_ms() < 1.0);
        meter.observe(1000.0, 0.0, START + 10_001);
        assert!((600.0..700.0).contains(&meter.smoothed_ms()));
        meter.observe(1000.0, 0.0, START + 100_001);
        assert!(meter.smoothed_ms() > 999.0);
    }

    proptest! {
        #[test]
        fn a_busy_lane_is_measured_right_and_idle_or_light_times_do_not_change_it(
            rate in 10.0f64..20_000.0,
            steps in prop::collection::vec(1u64..3_000, 60..120),
            idle_ms in 0u64..10_000_000,
            light in 0.0f64..0.5,
        ) {
            let mut meter = Meter::default();
            let now = run(&mut meter, rate, 100_000.0, START, &steps);
            let measured = meter.rate().unwrap();
            prop_assert!((measured / rate - 1.0).abs() < 0.01, "{measured} is not {rate}");
            // The last of it ends, and little comes from then on.
            meter.observe(0.0, 0.0, now);
            let now = run(&mut meter, rate * light, 2_000.0f64.max(rate) * light, now + idle_ms, &steps);
            prop_assert!((meter.rate().unwrap() / rate - 1.0).abs() < 0.01, "{:?}", meter.rate());
            run(&mut meter, rate, 100_000.0, now, &steps);
            prop_assert!((meter.rate().unwrap() / rate - 1.0).abs() < 0.01, "{:?}", meter.rate());
        }

        #[test]
        fn whatever_the_clock_does_the_numbers_stay_within_what_was_seen(
            seen in prop::collection::vec((0u64..1_000_000, 0.0f64..1e9), 1..50),
        ) {
            let mut meter = Meter::default();
            for (at, backlog) in &seen {
                meter.observe(*backlog, backlog / 2.0, START + at);
            }
            let most = seen.iter().map(|(_, backlog)| *backlog).fold(0.0, f64::max);
            prop_assert!((0.0..=most).contains(&meter.smoothed_ms()));
            prop_assert!(meter.rate().is_none_or(|rate| rate.is_finite() && rate >= 0.0));
        }
    }
}
