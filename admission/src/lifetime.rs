//! How long a result can be counted on: what may answer a submission, and what has to be made again.
//!
//! A result's life counts from its last write; a job's row, which its URL goes through, from its acceptance. Whoever is
//! answered with a result is promised that it is there for as long as the plan says.

use forebay_contract::RENEW_AFTER_MS;

const DAY_MS: u64 = 86_400_000;
/// What of a result's life nobody counts on: what a worker reports of one that it found may have been written
/// `RENEW_AFTER_MS` earlier; and clocks differ.
const MARGIN_MS: u64 = RENEW_AFTER_MS + DAY_MS;

/// What an answer is held to, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    /// For how long the caller's plan shows a result.
    pub keep_ms: u64,
    /// For how long the bucket keeps one after its last write.
    pub result_ms: u64,
    /// For how long a job's row is kept after its acceptance.
    pub retention_ms: u64,
}

impl Lifetime {
    /// Whether a result that was written at `stored_ms` is there for as long as whoever is answered with it at `now_ms`
    /// is promised. What was written nobody knows when is not.
    pub fn outlasts(self, stored_ms: Option<u64>, now_ms: u64) -> bool {
        let needed_ms = self.keep_ms.saturating_add(MARGIN_MS);
        stored_ms.is_some_and(|at_ms| now_ms.saturating_add(needed_ms) <= at_ms.saturating_add(self.result_ms))
    }

    /// Whether the URL of a job that was accepted and has ended then may be the answer itself. It ends before one that
    /// began now would, by a day at most, and by half of a short life: each hit would have a row of its own otherwise.
    pub fn shows(self, accepted_ms: u64, finished_ms: u64, now_ms: u64) -> bool {
        let promised_ms = self.keep_ms.min(self.retention_ms);
        let row_ms = accepted_ms.saturating_add(self.retention_ms);
        let until_ms = row_ms.min(finished_ms.saturating_add(self.keep_ms));
        until_ms.saturating_add(DAY_MS.min(promised_ms / 2)) >= now_ms.saturating_add(promised_ms)
    }

    /// Whether a plan can keep what it promises: rows and results are there for so long, and some can be reused.
    pub fn is_kept(self) -> bool {
        self.keep_ms <= self.retention_ms && self.keep_ms.saturating_add(MARGIN_MS) < self.result_ms
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn days(keep: u64, result: u64, retention: u64) -> Lifetime {
        Lifetime { keep_ms: keep * DAY_MS, result_ms: result * DAY_MS, retention_ms: retention * DAY_MS }
    }

    #[test]
    fn a_result_answers_while_it_outlasts_what_is_promised() {
        for (keep, result, age_days, expect) in
            [(7, 30, 0, true), (7, 30, 21, true), (7, 30, 22, false), (7, 30, 29, false), (28, 30, 0, true)]
        {
            let stored_ms = Some(NOW_MS - age_days * DAY_MS);
            assert_eq!(days(keep, result, 30).outlasts(stored_ms, NOW_MS), expect, "{keep} {result} {age_days}");
        }
        assert!(!days(7, 30, 7).outlasts(Some(NOW_MS - 21 * DAY_MS - 1), NOW_MS));
        assert!(!days(7, 30, 7).outlasts(None, NOW_MS));
        assert!(!days(29, 30, 30).outlasts(Some(NOW_MS), NOW_MS));
    }

    #[test]
    fn a_job_answers_for_others_on_its_first_day() {
        const HOUR_MS: u64 = 3_600_000;
        for (keep, retention, accepted_h, finished_h, expect) in [
            (7, 7, 0, 0, true),
            (7, 7, 24, 24, true),
            (7, 7, 25, 25, false),
            // It took long: its row goes first.
            (7, 7, 25, 0, false),
            // A plan of one day, whose half is over, or which is over.
            (1, 7, 12, 12, true),
            (1, 7, 13, 13, false),
            (1, 7, 25, 25, false),
            // Rows go before the plan's days are over.
            (30, 7, 24, 24, true),
            (30, 7, 25, 25, false),
        ] {
            let at = |hours| NOW_MS - hours * HOUR_MS;
            let shows = days(keep, 30, retention).shows(at(accepted_h), at(finished_h), NOW_MS);
            assert_eq!(shows, expect, "{keep} {retention} {accepted_h} {finished_h}");
        }
    }

    #[test]
    fn a_plan_that_outlives_rows_or_results_is_told_apart() {
        for (keep, result, retention, expect) in
            [(7, 30, 7, true), (8, 30, 7, false), (27, 30, 30, true), (28, 30, 30, false), (1, 3, 1, false)]
        {
            assert_eq!(days(keep, result, retention).is_kept(), expect, "{keep} {result} {retention}");
        }
    }

    proptest! {
        /// What answers is there until the last day that is promised, in the bucket and by its row.
        #[test]
        fn what_answers_can_be_fetched(
            (keep, result, retention) in (1u64..40, 1u64..60, 1u64..40),
            (accepted_ms, ran_ms, age_ms) in (0..40 * DAY_MS, 0..5 * DAY_MS, 0..40 * DAY_MS),
        ) {
            let lifetime = days(keep, result, retention);
            let accepted_ms = NOW_MS - accepted_ms;
            let (finished_ms, stored_ms) = (accepted_ms + ran_ms, NOW_MS - age_ms);
            let promised_ms = lifetime.keep_ms.min(lifetime.retention_ms);
            if lifetime.outlasts(Some(stored_ms), NOW_MS) {
                prop_assert!(NOW_MS + promised_ms < stored_ms + lifetime.result_ms);
            }
            if lifetime.shows(accepted_ms, finished_ms, NOW_MS) && finished_ms <= NOW_MS {
                let half_ms = promised_ms / 2;
                prop_assert!(accepted_ms + lifetime.retention_ms >= NOW_MS + half_ms);
                prop_assert!(finished_ms + lifetime.keep_ms >= NOW_MS + half_ms);
            }
        }
    }
}
