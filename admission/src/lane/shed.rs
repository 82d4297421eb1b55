//! What the Worker makes of a lane's status: is there room, when will there be, when would a job be done.

use forebay_contract::catalog::LaneSpec;

use super::LaneStatus;

/// Nobody is sent away for longer than this, in milliseconds: by then everything has changed.
const LONGEST_WAIT_MS: f64 = 3_600_000.0;
/// The least rate that is reckoned with, in device milliseconds a second: workers that stand still come back.
const LEAST_RATE: f64 = 1.0;
/// Up to this share of its cap a lane counts as free.
const FREE_SHARE: f64 = 0.5;

/// `None` when the lane has room for a job of `cost_ms`, else the milliseconds until its backlog will have fallen far
/// enough. A job that is larger than the cap itself has room in an empty lane.
pub fn retry_after_ms(status: &LaneStatus, cost_ms: f64, spec: &LaneSpec) -> Option<u64> {
    let cap = spec.backlog_ms as f64;
    let excess = status.backlog_ms + cost_ms.clamp(0.0, cap) - cap;
    if excess <= 0.0 {
        return None;
    }
    Some((excess * 1000.0 / rate(status, spec)).ceil().clamp(1.0, LONGEST_WAIT_MS) as u64)
}

/// When a job of `cost_ms` would be done if it entered the lane at `start_ms`, in milliseconds since the epoch: after
/// what waits, at the lane's rate, and then its own time on one device. For a start that lies ahead what waits now is
/// the best guess at what will wait then.
pub fn predicted_finish_ms(status: &LaneStatus, cost_ms: f64, spec: &LaneSpec, start_ms: u64) -> u64 {
    let wait_ms = status.backlog_ms.max(0.0) * 1000.0 / rate(status, spec);
    start_ms.saturating_add((wait_ms + cost_ms.max(0.0)).ceil() as u64)
}

/// What a plan's rates are multiplied with: 1 until the lane is half full, `guaranteed` when it is full, in a straight
/// line between. The smoothed backlog decides, so that limits do not flicker.
pub fn multiplier(status: &LaneStatus, spec: &LaneSpec, guaranteed: f64) -> f64 {
    let guaranteed = guaranteed.clamp(0.0, 1.0);
    let filled = status.smoothed_ms / spec.backlog_ms.max(1) as f64;
    let share = ((filled - FREE_SHARE) / (1.0 - FREE_SHARE)).clamp(0.0, 1.0);
    // From below: rounding takes nothing from what is guaranteed, and leaves all of it in an empty lane.
    guaranteed + (1.0 - share) * (1.0 - guaranteed)
}

/// Device milliseconds a second, as measured or else as expected.
pub fn rate(status: &LaneStatus, spec: &LaneSpec) -> f64 {
    status.rate.unwrap_or(spec.rate).max(LEAST_RATE)
}

#[cfg(test)]
mod tests {
    use forebay_contract::{
        PlanClass,
        catalog::{Algorithm, Beyond, Dimension, LimitSpec, Unit, Window},
    };
    use proptest::prelude::*;

    use super::*;
    use forebay_limits::Rule;

    const NOW: u64 = 1_800_000_000_000;
    const SPEC: LaneSpec =
        LaneSpec { class: PlanClass::FREE, work: None, weight: 1, wait_ms: 60_000, backlog_ms: 10_000, rate: 1000.0 };

    fn status(backlog_ms: f64, rate: Option<f64>) -> LaneStatus {
        LaneStatus { backlog_ms, smoothed_ms: backlog_ms, rate, ..LaneStatus::unknown(NOW) }
    }

    #[test]
    fn a_full_lane_says_when_it_will_have_room() {
        for (backlog_ms, cost_ms, rate, expect) in [
            (0.0, 100.0, None, None),
            (9_900.0, 100.0, None, None),
            (9_900.0, 101.0, None, Some(1)),
            (10_000.0, 500.0, None, Some(500)),
            (10_000.0, 500.0, Some(100.0), Some(5_000)),
            (15_000.0, 0.0, Some(2_000.0), Some(2_500)),
            // Larger than the lane: it must be empty.
            (0.0, 50_000.0, None, None),
            (1.0, 50_000.0, None, Some(1)),
            // Nothing moves.
            (15_000.0, 0.0, Some(0.0), Some(3_600_000)),
        ] {
            assert_eq!(retry_after_ms(&status(backlog_ms, rate), cost_ms, &SPEC), expect, "{backlog_ms} + {cost_ms}");
        }
    }

    #[test]
    fn a_job_is_done_after_what_waits_and_its_own_time() {
        assert_eq!(predicted_finish_ms(&status(0.0, None), 40.0, &SPEC, NOW), NOW + 40);
        assert_eq!(predicted_finish_ms(&status(8_000.0, None), 40.0, &SPEC, NOW), NOW + 8_040);
        assert_eq!(predicted_finish_ms(&status(8_000.0, Some(4_000.0)), 40.0, &SPEC, NOW), NOW + 2_040);
        assert_eq!(predicted_finish_ms(&status(f64::INFINITY, None), 40.0, &SPEC, NOW), u64::MAX);
    }

    #[test]
    fn limits_fall_from_half_full_on() {
        for (backlog_ms, expect) in [(0.0, 1.0), (5_000.0, 1.0), (7_500.0, 0.6), (10_000.0, 0.2), (1e9, 0.2)] {
            assert!((multiplier(&status(backlog_ms, None), &SPEC, 0.2) - expect).abs() < 1e-9, "{backlog_ms}");
            assert!((multiplier(&status(backlog_ms, None), &SPEC, 1.0) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_full_lane_leaves_exactly_what_is_guaranteed() {
        for (quantity, guaranteed, expect) in
            [(60, 0.2, 12), (10, 0.2, 2), (100, 0.29, 29), (1_000, 0.001, 1), (10, 0.7, 7), (60, 1.0, 60)]
        {
            let rule = Rule::of(&LimitSpec {
                name: "submit".to_owned(),
                dimension: Dimension::Account,
                algorithm: Algorithm::TokenBucket,
                quantity,
                window: Some(Window::Seconds(60)),
                unit: Unit::Requests,
                beyond: Beyond::Reject,
            });
            let full = multiplier(&status(10_000.0, None), &SPEC, guaranteed);
            assert_eq!(rule.unwrap().scaled(full).quantity(), expect, "{quantity} × {guaranteed}");
        }
    }

    proptest! {
        #[test]
        fn who_comes_back_when_told_finds_room(
            backlog_ms in 0.0f64..100_000.0,
            cost_ms in 0.0f64..20_000.0,
            rate in 100.0f64..10_000.0,
        ) {
            let before = status(backlog_ms, Some(rate));
            let Some(wait_ms) = retry_after_ms(&before, cost_ms, &SPEC) else { return Ok(()) };
            let after = |ms: u64| status((backlog_ms - rate * ms as f64 / 1000.0).max(0.0), Some(rate));
            prop_assert_eq!(retry_after_ms(&after(wait_ms), cost_ms, &SPEC).filter(|more| *more > 1), None);
            prop_assert!(wait_ms < 3 || retry_after_ms(&after(wait_ms - 2), cost_ms, &SPEC).is_some());
        }

        #[test]
        fn a_fuller_lane_never_gives_more_and_never_less_than_guaranteed(
            less in 0.0f64..20_000.0,
            more in 0.0f64..20_000.0,
            guaranteed in 0.01f64..1.0,
        ) {
            let of = |backlog_ms| multiplier(&status(backlog_ms, None), &SPEC, guaranteed);
            prop_assert!(of(less + more) <= of(less) && of(less) <= 1.0);
            prop_assert!(of(less + more) >= guaranteed);
            prop_assert_eq!((of(0.0), of(SPEC.backlog_ms as f64)), (1.0, guaranteed));
        }
    }
}
