//! A job's position in its lane, and when it will be done.

use forebay_contract::catalog::LaneSpec;
use serde::{Deserialize, Serialize};

use super::{LaneStatus, shed::rate};

/// What a job drew when it entered its lane.
///
/// The lane counts jobs and work that enter and leave; the difference between the job's own count and what has left
/// since is what is still ahead. Queues are not strictly in order, so this is an estimate that corrects itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QueueNumber {
    /// Which job it was, by the lane's count.
    pub number: u64,
    /// The work that had entered with it, by the lane's count, in device milliseconds.
    pub work_ms: f64,
    /// Which life of the lane counted.
    pub era_ms: u64,
}

/// A job's position: the `queue` of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Queue"))]
pub struct QueuePosition {
    /// 1 is next.
    pub position: u64,
    /// Until its end.
    pub eta_ms: Eta,
}

impl QueuePosition {
    /// Whether it is worth saying: another position, or another end by a second and a tenth of it.
    pub fn differs(&self, now: &Self) -> bool {
        let apart_ms = self.eta_ms.p90.abs_diff(now.eta_ms.p90);
        self.position != now.position || (apart_ms >= 1_000 && apart_ms > self.eta_ms.p90 / 10)
    }
}

/// Milliseconds from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Eta {
    /// Met half of the time.
    pub p50: u64,
    /// Met nine times of ten.
    pub p90: u64,
}

/// What an estimate looks at.
#[derive(Debug, Clone, Copy)]
pub struct Estimate<'a> {
    /// The lane's status.
    pub status: &'a LaneStatus,
    /// Its rate until one was measured.
    pub spec: &'a LaneSpec,
}

/// A job that waits in its lane.
#[derive(Debug, Clone, Copy, Default)]
pub struct QueuedJob {
    /// What it drew; `None` until the lane has counted it.
    pub number: Option<QueueNumber>,
    /// Its own device milliseconds.
    pub cost_ms: f64,
    /// Whether `status` counts it.
    pub counted: bool,
    /// Milliseconds until it may start at all.
    pub delay_ms: u64,
}

impl Estimate<'_> {
    /// The job's position.
    pub fn queue(self, waiting: QueuedJob) -> QueuePosition {
        let status = self.status;
        let own = u64::from(!waiting.counted);
        let last = status.queued_jobs.saturating_add(own).max(1);
        let drawn = self.number(waiting);
        let position = drawn.map_or(last, |drawn| drawn.number.saturating_sub(status.left_jobs).clamp(1, last));
        let (p50, p90) = status.spread.apply(self.expected_ms(waiting));
        let whole = |ms: f64| (ms.ceil() as u64).saturating_add(waiting.delay_ms);
        QueuePosition { position, eta_ms: Eta { p50: whole(p50), p90: whole(p90) } }
    }

    /// What is ahead of the job and its own work at the lane's rate, in milliseconds; no spread, no delay.
    pub fn expected_ms(self, waiting: QueuedJob) -> f64 {
        let (status, cost_ms) = (self.status, waiting.cost_ms.max(0.0));
        let behind = status.backlog_ms.max(0.0) + if waiting.counted { 0.0 } else { cost_ms };
        let ahead = self.number(waiting).map_or(behind, |drawn| drawn.work_ms - status.left_ms);
        ahead.clamp(cost_ms, behind.max(cost_ms)) * 1000.0 / rate(status, self.spec)
    }

    /// A count of another life of the lane says nothing.
    fn number(self, waiting: QueuedJob) -> Option<QueueNumber> {
        waiting.number.filter(|drawn| drawn.era_ms == self.status.era_ms)
    }
}

/// When to look again at a job that has not ended, in milliseconds: when it is likely done, and not again and again
/// where it is not. `waited_ms` is how long it has been waited for already.
pub fn look_again_ms(eta: Eta, waited_ms: u64) -> u64 {
    /// Nobody is kept away longer: something may have changed.
    const LONGEST_MS: u64 = 60_000;
    /// `Retry-After` counts in seconds.
    const SHORTEST_MS: u64 = 1_000;
    eta.p90.max(waited_ms / 8).clamp(SHORTEST_MS, LONGEST_MS)
}

#[cfg(test)]
mod tests {
    use forebay_contract::PlanClass;
    use proptest::prelude::*;

    use super::*;
    use crate::lane::wait::Spread;

    const NOW: u64 = 1_800_000_000_000;
    const SPEC: LaneSpec =
        LaneSpec { class: PlanClass::FREE, work: None, weight: 1, wait_ms: 60_000, backlog_ms: 600_000, rate: 1_000.0 };
    const EXACT: Spread = Spread { p50: 1.0, p90: 1.0 };

    fn status(queued_jobs: u64, backlog_ms: f64) -> LaneStatus {
        LaneStatus { era_ms: 7, queued_jobs, backlog_ms, spread: EXACT, ..LaneStatus::unknown(NOW) }
    }

    fn queue(status: &LaneStatus, waiting: QueuedJob) -> (u64, u64) {
        let queue = Estimate { status, spec: &SPEC }.queue(waiting);
        (queue.position, queue.eta_ms.p50)
    }

    #[test]
    fn a_new_job_comes_after_what_waits() {
        let new = QueuedJob { cost_ms: 40.0, ..QueuedJob::default() };
        for (status, expect) in [
            (status(0, 0.0), (1, 40)),
            (status(3, 120.0), (4, 160)),
            (LaneStatus { rate: Some(2_000.0), ..status(3, 120.0) }, (4, 80)),
            (LaneStatus { spread: Spread { p50: 2.0, p90: 4.0 }, ..status(3, 120.0) }, (4, 570)),
            // Workers that stand still.
            (LaneStatus { rate: Some(0.0), ..status(1, 1_000.0) }, (2, 1_040_000)),
        ] {
            assert_eq!(queue(&status, new), expect, "{status:?}");
        }
        let delayed = QueuedJob { delay_ms: 5_000, ..new };
        assert_eq!(queue(&status(0, 0.0), delayed), (1, 5_040));
    }

    #[test]
    fn what_has_left_since_is_no_longer_ahead() {
        let number = Some(QueueNumber { number: 10, work_ms: 1_000.0, era_ms: 7 });
        let mine = QueuedJob { number, cost_ms: 100.0, counted: true, delay_ms: 0 };
        for (left_jobs, left_ms, expect) in [
            (0, 0.0, (10, 1_000)),
            (4, 400.0, (6, 600)),
            (9, 900.0, (1, 100)),
            // Out of order: it is still there, and next.
            (30, 3_000.0, (1, 100)),
        ] {
            let status = LaneStatus { left_jobs, left_ms, ..status(20, 2_000.0) };
            assert_eq!(queue(&status, mine), expect, "{left_jobs}");
        }
        // What was canceled ahead of it is not waited for: there is no more than waits.
        assert_eq!(queue(&status(2, 150.0), mine), (2, 150));
        // The lane began anew.
        assert_eq!(queue(&LaneStatus { era_ms: 8, left_jobs: 4, ..status(20, 2_000.0) }, mine), (20, 2_000));
    }

    #[test]
    fn a_place_is_told_again_when_it_differs() {
        let at = |position, p90| QueuePosition { position, eta_ms: Eta { p50: 0, p90 } };
        for (before, now, expect) in [
            (at(3, 5_000), at(2, 5_000), true),
            (at(3, 5_000), at(3, 4_100), false),
            (at(3, 5_000), at(3, 4_000), true),
            (at(3, 60_000), at(3, 58_000), false),
        ] {
            assert_eq!(before.differs(&now), expect, "{before:?} {now:?}");
        }
    }

    #[test]
    fn looking_again_is_worth_while() {
        for (p90, waited_ms, expect) in [
            (0, 0, 1_000),
            (400, 100, 1_000),
            (7_200, 0, 7_200),
            (600_000, 0, 60_000),
            // Late already, and nobody knows for how long.
            (100, 80_000, 10_000),
        ] {
            assert_eq!(look_again_ms(Eta { p50: 0, p90 }, waited_ms), expect, "{p90} {waited_ms}");
        }
    }

    proptest! {
        /// Within the minute that a client is kept away at most, it polls once when the job is in time and twice when
        /// it takes up to half as long again.
        #[test]
        fn a_polite_client_polls_once_or_twice(p90 in 1_000u64..40_000, late in 0.05f64..1.5) {
            let done_ms = (p90 as f64 * late) as u64;
            let (mut now_ms, mut polls) = (0, 0);
            loop {
                let left = done_ms.saturating_sub(now_ms);
                let eta = Eta { p50: left / 2, p90: if polls == 0 { p90 } else { left.max(p90 / 4) } };
                now_ms += look_again_ms(eta, now_ms).div_ceil(1_000) * 1_000;
                polls += 1;
                if now_ms >= done_ms {
                    break;
                }
            }
            prop_assert!(polls <= 2, "{polls} polls");
            prop_assert!(polls == 1 || late > 1.0);
        }

        #[test]
        fn who_came_earlier_is_never_told_to_be_later(
            counts in prop::collection::vec((0u64..40, 0.0f64..4_000.0), 2),
            left in 0u64..50,
            queued in 1u64..60,
        ) {
            let mut counts = counts;
            counts.sort_by_key(|count| count.0);
            let work = |n: usize| counts[..=n].iter().map(|(_, work_ms)| work_ms).sum::<f64>();
            let status = LaneStatus { left_jobs: left, left_ms: left as f64 * 50.0, ..status(queued, 9_000.0) };
            let at = |n: usize| {
                let number = Some(QueueNumber { number: counts[n].0, work_ms: work(n), era_ms: 7 });
                queue(&status, QueuedJob { number, cost_ms: 10.0, counted: true, delay_ms: 0 })
            };
            prop_assert!(at(0).0 <= at(1).0 && at(0).1 <= at(1).1);
        }
    }
}
