//! What a submission says of time besides how long it waits: when it may start, when it is too late, what it was promised.

use forebay_contract::JobId;
use serde::{Deserialize, Serialize};

use super::{Job, promise::Promise};

/// Part of a submission.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Its message leaves no earlier, in milliseconds since the epoch.
    pub not_before_ms: Option<u64>,
    /// It expires when it has not started by then, in milliseconds since the epoch.
    pub deadline_ms: Option<u64>,
    /// The job that it runs again.
    pub retry_of: Option<JobId>,
    /// What it is promised, if it becomes a job.
    pub promise: Option<Promise>,
}

impl Timing {
    /// Whether an earlier job that has not ended may answer for a submission with these wishes: not when it starts
    /// later than this one may, or expires before it.
    pub fn may_join(&self, twin: &Job, now_ms: u64) -> bool {
        let starts = twin.not_before_ms.filter(|at_ms| *at_ms > now_ms);
        let in_time = starts.is_none_or(|at_ms| self.not_before_ms.is_some_and(|own_ms| at_ms <= own_ms));
        let lasts = twin.deadline_ms.is_none_or(|at_ms| self.deadline_ms.is_some_and(|own_ms| own_ms <= at_ms));
        twin.state.is_final() || (in_time && lasts)
    }

    /// Marks a new job; `asked_ms` is when its object was asked. Whether there is anything to be stored of it.
    pub fn mark(&self, job: &mut Job, asked_ms: u64) -> bool {
        let waited_ms = job.accepted_ms.saturating_sub(asked_ms);
        job.waited_ms = Some(waited_ms).filter(|ms| *ms > 0);
        job.retry_of = self.retry_of;
        if !job.state.is_final() {
            job.deadline_ms = self.deadline_ms;
            job.not_before_ms = self.not_before_ms.filter(|at_ms| *at_ms > job.accepted_ms);
            if let (Some(start_ms), Some(check_ms)) = (job.not_before_ms, job.check_ms) {
                job.check_ms = Some(start_ms.saturating_add(check_ms.saturating_sub(job.accepted_ms)));
            }
            job.check_ms = job.check_ms.map(|at_ms| job.checked_by(at_ms));
        }
        let timed = job.waited_ms.is_some() || job.deadline_ms.is_some() || job.not_before_ms.is_some();
        let kept = job.input_key.is_some() || job.retention.is_some() || job.shared != 0;
        timed || kept || self.retry_of.is_some()
    }
}

#[cfg(test)]
mod tests {
    use forebay_contract::JobState;

    use super::*;
    use crate::job::example::{START_MS, queued};

    #[test]
    fn jobs_are_joined_that_start_and_last_as_wished() {
        let at = |ms| Some(START_MS + ms);
        for (twin_start, twin_deadline, start, deadline, expect) in [
            (None, None, None, None, true),
            (None, None, at(5), at(9), true),
            (at(5), None, None, None, false),
            (at(5), None, at(4), None, false),
            (at(5), None, at(5), None, true),
            (None, at(9), None, None, false),
            (None, at(9), None, at(10), false),
            (None, at(9), None, at(9), true),
        ] {
            let twin = Job { not_before_ms: twin_start, deadline_ms: twin_deadline, ..queued() };
            let timing = Timing { not_before_ms: start, deadline_ms: deadline, ..Timing::default() };
            assert_eq!(timing.may_join(&twin, START_MS), expect, "{twin_start:?} {twin_deadline:?} {timing:?}");
            assert!(timing.may_join(&Job { state: JobState::Succeeded, ..twin }, START_MS));
        }
    }

    #[test]
    fn a_delayed_job_is_asked_about_after_its_start_and_at_its_deadline() {
        let check = |not_before_ms, deadline_ms| {
            let mut job = queued();
            let timing = Timing { not_before_ms, deadline_ms, ..Timing::default() };
            let stored = timing.mark(&mut job, START_MS);
            (job.check_ms.unwrap() - START_MS, stored)
        };
        assert_eq!(check(None, None), (30_000, false));
        assert_eq!(check(Some(START_MS + 100_000), None), (130_000, true));
        assert_eq!(check(Some(START_MS + 100_000), Some(START_MS + 110_000)), (110_000, true));
        assert_eq!(check(None, Some(START_MS + 500)), (500, true));
        // A start in the past is none.
        assert_eq!(check(Some(START_MS), None), (30_000, false));
    }

    #[test]
    fn how_long_admission_took_is_kept() {
        let mut job = queued();
        assert!(Timing::default().mark(&mut job, START_MS - 400));
        assert_eq!(job.waited_ms, Some(400));
    }
}
