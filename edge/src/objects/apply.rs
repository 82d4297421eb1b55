//! What a report's event changes in a job.

use forebay_contract::{EventKind, ReportEvent};

use super::Job;

/// The longest text of a worker that is kept.
const MAX_TEXT_CHARS: usize = 500;

/// Applies `event` from `worker`; whether the job changed. Stale, doubled and reordered events change nothing.
pub fn apply(job: &mut Job, event: &ReportEvent, worker: &str, now_ms: u64, reconcile_after_ms: u64) -> bool {
    let changed = match event.transition() {
        // A delivery that is older than the running attempt is not news.
        None => {
            !job.state.is_final() && job.attempt < event.attempt && job.received_ms.is_none_or(|at| at < event.at_ms)
        }
        Some(transition) => job.transition(transition, event.at_ms),
    };
    if !changed {
        return false;
    }
    match &event.kind {
        EventKind::Received => job.received_ms = Some(event.at_ms),
        EventKind::Started { batch_size } => {
            job.started_ms = Some(event.at_ms);
            job.batch_size = Some(*batch_size);
        }
        EventKind::Succeeded { media_type, bytes, device_ms } => {
            job.finished_ms = Some(event.at_ms);
            job.media_type = Some(short(media_type));
            job.bytes = Some(*bytes);
            job.device_ms = Some(*device_ms).filter(|ms| ms.is_finite());
            job.failure_code = None;
            job.failure_detail = None;
        }
        EventKind::Failed { code, detail } => {
            job.failure_code = Some(*code);
            job.failure_detail = Some(short(detail));
        }
        EventKind::Returned => {
            job.received_ms = None;
            job.started_ms = None;
            job.batch_size = None;
        }
    }
    job.worker = Some(short(worker));
    if !job.state.is_final() {
        job.check_ms = Some(now_ms.saturating_add(reconcile_after_ms));
        job.checks = 0;
    }
    true
}

fn short(text: &str) -> String {
    text.chars().take(MAX_TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use forebay_contract::{FailureCode, JobState};
    use proptest::prelude::*;

    use super::*;
    use crate::objects::job::tests::{START_MS, queued};

    fn event(attempt: u32, at_ms: u64, kind: EventKind) -> ReportEvent {
        ReportEvent { job_id: queued().id, attempt, at_ms: START_MS + at_ms, kind }
    }

    fn succeeded() -> EventKind {
        EventKind::Succeeded { media_type: "image/png".to_owned(), bytes: 9, device_ms: 1.5 }
    }

    fn failed() -> EventKind {
        EventKind::Failed { code: FailureCode::ImageUndecodable, detail: "truncated".to_owned() }
    }

    fn step(job: &mut Job, event: &ReportEvent) -> bool {
        apply(job, event, "w-1", START_MS + 100, 30_000)
    }

    #[test]
    fn a_jobs_life() {
        let mut job = queued();
        assert!(step(&mut job, &event(1, 10, EventKind::Received)));
        assert_eq!((job.state, job.received_ms), (JobState::Queued, Some(START_MS + 10)));
        assert!(step(&mut job, &event(1, 20, EventKind::Started { batch_size: 4 })));
        assert_eq!((job.state, job.attempt, job.batch_size), (JobState::Running, 1, Some(4)));
        assert_eq!(job.check_ms, Some(START_MS + 30_100));
        assert!(!step(&mut job, &event(1, 30, EventKind::Received)));
        assert!(step(&mut job, &event(1, 30, succeeded())));
        assert_eq!((job.state, job.finished_ms), (JobState::Succeeded, Some(START_MS + 30)));
        assert_eq!((job.check_ms, job.worker.as_deref()), (None, Some("w-1")));
        for late in [succeeded(), failed(), EventKind::Received, EventKind::Returned] {
            let before = job.clone();
            assert!(!step(&mut job, &event(2, 40, late)));
            assert_eq!(job, before);
        }
    }

    #[test]
    fn a_returned_job_is_queued_again_and_forgets_its_batch() {
        let mut job = queued();
        assert!(step(&mut job, &event(1, 20, EventKind::Started { batch_size: 4 })));
        assert!(step(&mut job, &event(1, 30, EventKind::Returned)));
        assert_eq!((job.state, job.started_ms, job.batch_size), (JobState::Queued, None, None));
        assert!(step(&mut job, &event(2, 40, EventKind::Received)));
        assert!(step(&mut job, &event(2, 50, EventKind::Started { batch_size: 1 })));
        assert_eq!(job.attempt, 2);
    }

    #[test]
    fn a_stored_result_replaces_a_recorded_failure() {
        let mut job = queued();
        assert!(step(&mut job, &event(1, 20, failed())));
        assert_eq!(job.failure().map(|failure| failure.code), Some(FailureCode::ImageUndecodable));
        assert!(step(&mut job, &event(1, 30, succeeded())));
        assert_eq!((job.state, job.failure(), job.finished_ms), (JobState::Succeeded, None, Some(START_MS + 30)));
    }

    #[test]
    fn a_canceled_job_stays_canceled() {
        let mut job = queued();
        job.transition(forebay_contract::state::Transition::Canceled, START_MS);
        for kind in [EventKind::Received, EventKind::Started { batch_size: 1 }, succeeded(), failed()] {
            assert!(!step(&mut job, &event(1, 10, kind)));
        }
    }

    proptest! {
        #[test]
        fn a_doubled_event_changes_nothing(story in prop::collection::vec((1u32..4, 0u64..50, 0usize..5), 0..30)) {
            let mut job = queued();
            for (attempt, at_ms, kind) in story {
                let kind = match kind {
                    0 => EventKind::Received,
                    1 => EventKind::Started { batch_size: 2 },
                    2 => succeeded(),
                    3 => failed(),
                    _ => EventKind::Returned,
                };
                let event = event(attempt, at_ms, kind);
                step(&mut job, &event);
                let before = job.clone();
                prop_assert!(!step(&mut job, &event));
                prop_assert_eq!(&job, &before);
                prop_assert_eq!(job.check_ms.is_none(), job.state.is_final());
                prop_assert_eq!(job.finished_ms.is_some(), job.state.is_final());
            }
        }
    }
}
