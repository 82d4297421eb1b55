//! What an account has used, by the day it was accepted and by model.

use forebay_contract::JobState;
use forebay_limits::civil::{date, day_of};
use serde::{Deserialize, Serialize};

use crate::job::Job;

/// For how many days usage is kept.
pub(crate) const KEPT_DAYS: u64 = 400;

/// One model's jobs of one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UsageRow {
    /// The day (UTC), `YYYY-MM-DD`.
    pub day: String,
    /// The model's name.
    pub model: String,
    /// Jobs with a result, stored ones that answered among them.
    pub succeeded: i64,
    /// Jobs that failed.
    pub failed: i64,
    /// Jobs that were called off.
    pub canceled: i64,
    /// Jobs whose deadline passed before they started, or that nobody heard of again.
    pub expired: i64,
    /// Submissions that a stored result answered.
    pub cached: i64,
    /// Jobs that something else answered than was asked for.
    pub degraded: i64,
    /// Device milliseconds.
    pub device_ms: f64,
}

impl UsageRow {
    /// Nothing used.
    pub fn none(job: &Job) -> Self {
        Self {
            day: date(day_of(job.accepted_ms)),
            model: job.model.clone(),
            succeeded: 0,
            failed: 0,
            canceled: 0,
            expired: 0,
            cached: 0,
            degraded: 0,
            device_ms: 0.0,
        }
    }

    /// A stored result answered a submission that is no job of its own.
    pub fn hit(job: &Job, now_ms: u64) -> Self {
        Self { day: date(day_of(now_ms)), cached: 1, ..Self::none(job) }
    }
}

/// What is to be added when a job that was in state `before` (`None`: there was none) is as it is now. A job counts
/// once, when it ends: how often it ran says nothing. A result that expires was used all the same.
pub(crate) fn change(before: Option<JobState>, job: &Job) -> Option<UsageRow> {
    let first = before.is_none_or(|before| !before.is_final());
    if before == Some(job.state) || !job.state.is_final() || !(first || before == Some(JobState::Failed)) {
        return None;
    }
    let mut row = UsageRow::none(job);
    match job.state {
        JobState::Succeeded => row.succeeded = 1,
        JobState::Failed => row.failed = 1,
        JobState::Canceled => row.canceled = 1,
        JobState::Expired => row.expired = 1,
        JobState::Queued | JobState::Running => return None,
    }
    if first {
        row.cached = i64::from(job.cached != 0);
        row.degraded = i64::from(job.degraded.is_some());
    } else {
        // A stored result replaced a recorded failure.
        row.failed -= 1;
    }
    if job.state == JobState::Succeeded {
        row.device_ms = job.device_ms.unwrap_or(0.0);
    }
    Some(row)
}

/// What is to be added when a job that had its result without a device time has one now.
pub(crate) fn late(before_ms: Option<f64>, before: JobState, job: &Job) -> Option<UsageRow> {
    let device_ms = job.device_ms.filter(|_| before_ms.is_none() && before == JobState::Succeeded)?;
    Some(UsageRow { device_ms, ..UsageRow::none(job) })
}

#[cfg(test)]
mod tests {
    use forebay_contract::{EventKind, FailureCode, ReportEvent, state::Transition};
    use proptest::prelude::*;

    use super::*;
    use crate::job::{
        apply::apply,
        example::{START_MS, queued},
    };

    fn add(sum: &mut UsageRow, row: &UsageRow) {
        sum.succeeded += row.succeeded;
        sum.failed += row.failed;
        sum.canceled += row.canceled;
        sum.expired += row.expired;
        sum.cached += row.cached;
        sum.device_ms += row.device_ms;
    }

    #[test]
    fn what_was_answered_from_a_store_costs_nothing() {
        let cached = Job { state: JobState::Succeeded, cached: 1, ..queued() };
        let row = change(None, &cached).unwrap();
        assert_eq!((row.succeeded, row.cached, row.device_ms), (1, 1, 0.0));
        assert_eq!((row.day.as_str(), row.model.as_str()), ("2027-01-15", "m"));
        let hit = UsageRow::hit(&cached, START_MS + 86_400_000);
        assert_eq!((hit.day.as_str(), hit.cached, hit.succeeded), ("2027-01-16", 1, 0));
    }

    #[test]
    fn what_expires_before_it_starts_is_not_billed_and_a_result_that_expires_was_used() {
        let expired = Job { state: JobState::Expired, ..queued() };
        let row = change(Some(JobState::Queued), &expired).unwrap();
        assert_eq!((row.expired, row.device_ms), (1, 0.0));
        assert_eq!(change(Some(JobState::Succeeded), &expired), None);
    }

    proptest! {
        #[test]
        fn a_job_is_billed_once_however_often_it_ran(
            story in prop::collection::vec((1u32..6, 0u64..50, 0usize..6), 0..60),
        ) {
            let mut job = queued();
            let mut sum = UsageRow::none(&job);
            for (attempt, at_ms, kind) in story {
                let (before, device_ms) = (job.state, job.device_ms);
                let kind = match kind {
                    0 => EventKind::Received,
                    1 => EventKind::Started { batch_size: 2 },
                    2 => EventKind::Succeeded { media_type: "a".to_owned(), bytes: 1, device_ms: 5.0 },
                    3 => EventKind::Failed { code: FailureCode::OutOfMemory, detail: String::new() },
                    4 => EventKind::Returned { again_ms: None },
                    _ => {
                        // Found in the bucket.
                        job.transition(Transition::Succeeded, START_MS + at_ms);
                        change(Some(before), &job).iter().for_each(|row| add(&mut sum, row));
                        continue;
                    }
                };
                let event = ReportEvent { job_id: job.id, attempt, at_ms: START_MS + at_ms, kind };
                if apply(&mut job, &event, "w", START_MS, 30_000) {
                    let rows = [change(Some(before), &job), late(device_ms, before, &job)];
                    rows.iter().flatten().for_each(|row| add(&mut sum, row));
                }
                prop_assert_eq!(sum.succeeded, i64::from(job.state == JobState::Succeeded));
                prop_assert_eq!(sum.failed, i64::from(job.state == JobState::Failed));
                prop_assert_eq!(sum.device_ms, job.device_ms.unwrap_or(0.0));
            }
        }
    }
}
