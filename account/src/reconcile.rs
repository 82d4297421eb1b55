//! What becomes of a job nobody reported about, after the bucket was asked.

use forebay_contract::{JobFailure, JobState, state::Transition};

use super::{Job, apply::short, backoff::backoff_ms};
use crate::platform::ObjectHead;

/// The longest between two questions about one job.
const LONGEST_MS: u64 = 30 * 60_000;

/// After so many looks in vain the message of a job that waits is taken for lost, and again at each look from then on:
/// with the first look after half a minute, a quarter of an hour, and then each time that long or longer. A queue may lose
/// a message (it is purged, it expires, it was received too often); a double is a look into the bucket for a worker.
const LOST_AFTER_CHECKS: u32 = 5;
/// The same for a job that runs, whose message may well be hidden.
const LOST_RUNNING_AFTER_CHECKS: u32 = 8;

/// Whether the message of a job is to be sent again, after a look in vain. `expected_ms` is how long it was expected to
/// take at most when it was accepted: in a long queue silence is no sign.
pub(crate) fn is_lost(job: &Job, expected_ms: u64, now_ms: u64) -> bool {
    let most_checks = match job.state {
        JobState::Queued => LOST_AFTER_CHECKS,
        JobState::Running => LOST_RUNNING_AFTER_CHECKS,
        _ => return false,
    };
    let silent_ms = job.sent_ms.map(|sent_ms| now_ms.saturating_sub(sent_ms));
    job.checks >= most_checks && silent_ms.is_some_and(|silent_ms| silent_ms >= expected_ms.saturating_mul(2))
}

/// What the bucket has of a job.
#[derive(Debug)]
pub(crate) enum Found {
    /// Its result.
    Result(ObjectHead),
    /// Its failure.
    Failure(JobFailure),
    /// Neither.
    Nothing,
    /// It could not be asked: there may be one or the other.
    Unknown,
}

/// How long jobs are asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From the last news to the first question, doubling from there.
    pub first_ms: u64,
    /// From acceptance to giving up.
    pub retention_ms: u64,
    /// For spreading.
    pub random: u64,
}

/// Applies what was found.
pub(crate) fn reconcile(job: &mut Job, found: Found, now_ms: u64, patience: Patience) {
    match found {
        Found::Result(head) => {
            if job.transition(Transition::Succeeded, now_ms) {
                job.media_type = Some(head.media_type);
                job.bytes = Some(head.bytes);
                job.device_ms = head.made.and_then(|made| made.billed_to(&job.id));
                job.stored_ms = head.stored_ms;
            }
        }
        Found::Failure(failure) => {
            if job.transition(Transition::Failed(job.attempt), now_ms) {
                job.failure_code = Some(failure.code);
                job.failure_detail = Some(short(&failure.detail));
            }
        }
        Found::Nothing if is_late(job, now_ms) => {
            job.transition(Transition::Expired, now_ms);
        }
        Found::Nothing if now_ms.saturating_sub(job.accepted_ms) > patience.retention_ms => {
            job.transition(Transition::Expired, now_ms);
        }
        // A bucket that is away ends nothing, however late it is.
        Found::Nothing | Found::Unknown if !job.state.is_final() => {
            job.checks = job.checks.saturating_add(1);
            let wait = backoff_ms(
                job.checks.saturating_add(1),
                patience.first_ms,
                LONGEST_MS.max(patience.first_ms),
                patience.random,
            );
            let at_ms = now_ms.saturating_add(wait);
            job.check_ms = Some(if is_late(job, now_ms) { at_ms } else { job.checked_by(at_ms) });
        }
        Found::Nothing | Found::Unknown => {}
    }
}

/// Whether it has not started by its deadline: then nobody wants it any more.
fn is_late(job: &Job, now_ms: u64) -> bool {
    job.state == JobState::Queued && job.deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms)
}

#[cfg(test)]
mod tests {
    use forebay_contract::{FailureCode, JobId, Made};

    use super::*;
    use crate::example::{START_MS, queued};

    const PATIENCE: Patience = Patience { first_ms: 1000, retention_ms: 86_400_000, random: 0 };

    #[test]
    fn a_lost_success_and_a_lost_failure_are_healed() {
        let another = JobId::new(1, [9; 10], queued().id.shard());
        for (maker, device_ms) in [(Some(queued().id), Some(2.5)), (Some(another), None), (None, None)] {
            let mut job = queued();
            let made = maker.map(|job_id| Made { job_id, device_ms: 2.5 });
            let stored_ms = Some(START_MS + 9);
            let head = ObjectHead { media_type: "image/png".to_owned(), bytes: 5, made, stored_ms };
            reconcile(&mut job, Found::Result(head), START_MS + 10, PATIENCE);
            assert_eq!((job.state, job.bytes, job.check_ms), (JobState::Succeeded, Some(5), None));
            assert_eq!(job.stored_ms, stored_ms);
            assert_eq!(job.device_ms, device_ms);
        }

        let mut job = queued();
        let failure = JobFailure { job_id: job.id, code: FailureCode::OutOfMemory, detail: "x".to_owned() };
        reconcile(&mut job, Found::Failure(failure.clone()), START_MS + 10, PATIENCE);
        assert_eq!((job.state, job.failure()), (JobState::Failed, Some(failure)));
    }

    #[test]
    fn questions_become_rarer_and_end() {
        let mut job = queued();
        let mut waits = Vec::new();
        for _ in 0..3 {
            reconcile(&mut job, Found::Nothing, START_MS, PATIENCE);
            waits.push(job.check_ms.unwrap() - START_MS);
        }
        assert_eq!(waits, [2000, 4000, 8000]);
        reconcile(&mut job, Found::Nothing, START_MS + PATIENCE.retention_ms + 1, PATIENCE);
        assert_eq!((job.state, job.check_ms), (JobState::Expired, None));
    }

    #[test]
    fn a_job_that_has_not_started_by_its_deadline_expires_and_one_that_has_goes_on() {
        let mut job = Job { deadline_ms: Some(START_MS + 500), ..queued() };
        reconcile(&mut job, Found::Nothing, START_MS + 499, PATIENCE);
        assert_eq!((job.state, job.check_ms), (JobState::Queued, Some(START_MS + 500)));
        let mut running = job.clone();
        running.transition(Transition::Started(1), START_MS + 499);
        reconcile(&mut job, Found::Nothing, START_MS + 500, PATIENCE);
        assert_eq!((job.state, job.check_ms), (JobState::Expired, None));
        reconcile(&mut running, Found::Nothing, START_MS + 500, PATIENCE);
        assert_eq!(running.state, JobState::Running);
        assert!(running.check_ms.unwrap() > START_MS + 500);
    }

    #[test]
    fn a_message_is_sent_again_after_a_silence_that_the_queue_does_not_explain() {
        let mut job = Job { sent_ms: Some(START_MS), ..queued() };
        let (mut now_ms, mut sent_again) = (START_MS, Vec::new());
        for _ in 0..8 {
            now_ms = job.check_ms.unwrap().max(now_ms);
            reconcile(&mut job, Found::Nothing, now_ms, Patience { first_ms: 30_000, ..PATIENCE });
            if is_lost(&job, 0, now_ms) {
                sent_again.push((now_ms - START_MS) / 60_000);
            }
        }
        assert_eq!(sent_again, [15, 31, 61, 91]);
        assert!(!is_lost(&job, 46 * 60_000, now_ms) && is_lost(&job, 45 * 60_000, now_ms));
        assert!(!is_lost(&Job { sent_ms: None, ..job.clone() }, 0, now_ms));
        job.transition(Transition::Started(1), now_ms);
        assert!(
            !is_lost(&Job { checks: 7, ..job.clone() }, 0, now_ms) && is_lost(&Job { checks: 8, ..job }, 0, now_ms)
        );
    }

    #[test]
    fn a_bucket_that_does_not_answer_ends_nothing_and_is_asked_ever_more_rarely() {
        let deadline_ms = Some(START_MS + 500);
        for (deadline_ms, now_ms) in
            [(None, START_MS), (deadline_ms, START_MS + 500), (deadline_ms, START_MS + PATIENCE.retention_ms + 1)]
        {
            let mut job = Job { deadline_ms, ..queued() };
            let mut waits = Vec::new();
            for _ in 0..3 {
                reconcile(&mut job, Found::Unknown, now_ms, PATIENCE);
                waits.push(job.check_ms.unwrap() - now_ms);
            }
            assert_eq!((job.state, waits), (JobState::Queued, vec![2000, 4000, 8000]), "{deadline_ms:?} {now_ms}");
            // What it said before counts as little against what it says then.
            reconcile(&mut job, Found::Nothing, START_MS + PATIENCE.retention_ms + 1, PATIENCE);
            assert_eq!(job.state, JobState::Expired);
        }
        let mut job = Job { deadline_ms, ..queued() };
        reconcile(&mut job, Found::Unknown, START_MS, PATIENCE);
        assert_eq!(job.check_ms, deadline_ms);
    }

    #[test]
    fn a_job_that_ended_meanwhile_is_left_alone() {
        for found in [Found::Nothing, Found::Unknown] {
            let mut job = queued();
            job.transition(Transition::Canceled, START_MS);
            let before = job.clone();
            reconcile(&mut job, found, START_MS + 10, PATIENCE);
            assert_eq!(job, before);
        }
    }
}
