//! What a report's event changes in a job.

use forebay_contract::{EventKind, JobState, ReportEvent, state::Transition};

use super::{
    Job,
    journal::{self, EventName},
};

/// The longest text of a worker that is kept.
const MAX_TEXT_CHARS: usize = 500;

/// The longest that a message is believed to stay away: what SQS can hide it for.
const LONGEST_AWAY_MS: u64 = 12 * 60 * 60 * 1000;

/// Applies `event` from `worker`; whether the job changed. Stale, doubled and reordered events change nothing.
pub(crate) fn apply(job: &mut Job, event: &ReportEvent, worker: &str, now_ms: u64, reconcile_after_ms: u64) -> bool {
    let away_ms = match event.kind {
        EventKind::Returned { again_ms } => again_ms.unwrap_or(0).min(LONGEST_AWAY_MS),
        _ => 0,
    };
    let changed = match event.transition() {
        _ if let EventKind::Succeeded { device_ms, .. } = event.kind
            && found_without_report(job)
            && device_ms.is_finite() =>
        {
            // The bucket was asked before the report came: what it cost is news still.
            job.device_ms = Some(device_ms);
            job.worker = Some(short(worker));
            return true;
        }
        None if let EventKind::Progress { done, total } = event.kind => goes_on(job, event.attempt, done, total),
        // A delivery that is older than the running attempt is not news.
        None => {
            !job.state.is_final() && job.attempt < event.attempt && job.received_ms.is_none_or(|at| at < event.at_ms)
        }
        // It had not begun, which is news where its message stays away: silence is no sign of a loss then.
        Some(Transition::Returned(_)) if job.state == JobState::Queued => {
            away_ms > 0 && job.received_ms.is_some_and(|at| at <= event.at_ms)
        }
        Some(transition) => job.transition(transition, event.at_ms),
    };
    if !changed {
        return false;
    }
    match &event.kind {
        EventKind::Received => job.received_ms = Some(event.at_ms),
        EventKind::Progress { done, total } => {
            (job.done, job.total) = (Some(*done), Some(*total));
            journal::unfold(job);
            journal::note(job, EventName::Progress, event.at_ms);
        }
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
        EventKind::Returned { .. } => {
            job.received_ms = None;
            job.started_ms = None;
            job.batch_size = None;
        }
    }
    job.worker = Some(short(worker));
    if !job.state.is_final() {
        job.check_ms = Some(job.checked_by(now_ms.saturating_add(away_ms).saturating_add(reconcile_after_ms)));
        job.checks = 0;
    }
    true
}

/// Whether the job's result was found in the bucket, and nobody has said yet what it cost.
fn found_without_report(job: &Job) -> bool {
    job.state == JobState::Succeeded && job.cached == 0 && job.device_ms.is_none()
}

/// Whether these steps are news of the attempt that runs. Steps only go forward, and end.
fn goes_on(job: &Job, attempt: u32, done: u32, total: u32) -> bool {
    let running = job.state == JobState::Running && job.attempt == attempt;
    running && (1..=total).contains(&done) && job.done.is_none_or(|before| before < done)
}

/// As much of a worker's text as is kept.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(MAX_TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use forebay_contract::{FailureCode, JobState};
    use proptest::prelude::*;

    use super::*;
    use crate::example::{START_MS, queued};

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
    fn what_stays_away_is_not_asked_about_before_it_can_have_come_again() {
        let mut job = queued();
        let back = |again_ms| event(1, 20, EventKind::Returned { again_ms });
        assert!(!step(&mut job, &back(Some(60_000))), "nobody has received it");
        assert!(step(&mut job, &event(1, 10, EventKind::Received)));
        assert!(!step(&mut job, &back(None)), "it comes again at once");
        let looks_ms = job.check_ms;
        assert!(step(&mut job, &back(Some(60_000))));
        assert_eq!(job.check_ms, looks_ms.map(|looks_ms| looks_ms + 60_000));
        assert!(!step(&mut job, &back(Some(60_000))), "told twice");
        assert_eq!((job.state, job.checks), (JobState::Queued, 0));
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
        for late in [succeeded(), failed(), EventKind::Received, EventKind::Returned { again_ms: None }] {
            let before = job.clone();
            assert!(!step(&mut job, &event(2, 40, late)));
            assert_eq!(job, before);
        }
    }

    #[test]
    fn a_returned_job_is_queued_again_and_forgets_its_batch() {
        let mut job = queued();
        assert!(step(&mut job, &event(1, 20, EventKind::Started { batch_size: 4 })));
        assert!(step(&mut job, &event(1, 30, EventKind::Returned { again_ms: None })));
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
    fn a_report_that_comes_after_its_result_was_found_tells_what_it_cost_once() {
        let mut job = queued();
        job.transition(forebay_contract::state::Transition::Succeeded, START_MS + 5);
        let mut cached = Job { cached: 1, ..job.clone() };
        assert!(!step(&mut cached, &event(1, 30, succeeded())));
        let found = job.clone();
        assert!(step(&mut job, &event(1, 30, succeeded())));
        assert_eq!(job, Job { device_ms: Some(1.5), worker: Some("w-1".to_owned()), ..found });
        assert!(!step(&mut job, &event(2, 40, succeeded())));
    }

    #[test]
    fn a_canceled_job_stays_canceled() {
        let mut job = queued();
        job.transition(forebay_contract::state::Transition::Canceled, START_MS);
        for kind in [EventKind::Received, EventKind::Started { batch_size: 1 }, succeeded(), failed()] {
            assert!(!step(&mut job, &event(1, 10, kind)));
        }
    }

    #[test]
    fn steps_go_forward_within_the_attempt_that_runs() {
        let mut job = queued();
        let progress = |attempt, done, total| event(attempt, 30, EventKind::Progress { done, total });
        assert!(!step(&mut job, &progress(1, 1, 4)));
        assert!(step(&mut job, &event(1, 20, EventKind::Started { batch_size: 1 })));
        for (done, total, expect) in [(1, 4, true), (1, 4, false), (3, 4, true), (2, 4, false), (5, 4, false)] {
            assert_eq!(step(&mut job, &progress(1, done, total)), expect, "{done}");
        }
        assert_eq!((job.done, job.total), (Some(3), Some(4)));
        assert!(!step(&mut job, &progress(2, 4, 4)));
        assert!(!step(&mut job, &progress(1, 0, 0)));
        assert!(step(&mut job, &event(2, 40, EventKind::Started { batch_size: 1 })));
        assert_eq!((job.done, job.total), (None, None));
        assert!(!step(&mut job, &progress(1, 4, 4)));
        assert!(step(&mut job, &progress(2, 1, 4)));
    }

    fn events() -> impl Strategy<Value = Vec<(u32, u64, EventKind)>> {
        let kind = prop_oneof![
            Just(EventKind::Received),
            Just(EventKind::Started { batch_size: 2 }),
            (0u32..6).prop_map(|done| EventKind::Progress { done, total: 4 }),
            Just(succeeded()),
            Just(failed()),
            Just(EventKind::Returned { again_ms: None }),
        ];
        prop::collection::vec((1u32..4, 0u64..50, kind), 0..40)
    }

    proptest! {
        /// Whatever was applied before may come again, in any order: the job that has moved on does not move back.
        #[test]
        fn stale_doubled_and_reordered_reports_change_nothing_that_was_decided(
            story in events(),
            again in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let mut job = queued();
            for (attempt, at_ms, kind) in story.clone() {
                step(&mut job, &event(attempt, at_ms, kind));
            }
            for index in again {
                let Some((attempt, at_ms, kind)) = (!story.is_empty()).then(|| index.get(&story).clone()) else { break };
                let before = job.clone();
                let changed = step(&mut job, &event(attempt, at_ms, kind.clone()));
                if !changed {
                    prop_assert_eq!(&job, &before);
                }
                prop_assert!(job.attempt >= before.attempt);
                let steps = |job: &Job| (job.attempt, job.done);
                let back = matches!(kind, EventKind::Returned { .. });
                prop_assert!(job.attempt > before.attempt || back || job.state.is_final()
                    || steps(&job).1 >= steps(&before).1);
                prop_assert!(!before.state.is_final() || job.state == before.state
                    || (before.state, job.state) == (JobState::Failed, JobState::Succeeded));
                if attempt < before.attempt && !matches!(kind, EventKind::Succeeded { .. }) {
                    prop_assert!(!changed, "{kind:?} of {attempt} at {}", before.attempt);
                }
            }
        }

        /// The log tells what the job has become, whatever came in whichever order.
        #[test]
        fn the_last_event_says_the_state(story in events()) {
            let mut job = queued();
            for (attempt, at_ms, kind) in story {
                let before = journal::last(&job).id();
                let changed = step(&mut job, &event(attempt, at_ms, kind.clone()));
                let last = journal::last(&job);
                let told = changed && kind != EventKind::Received;
                prop_assert_eq!(last.id(), before + u32::from(told));
                prop_assert_eq!(journal::as_of(&job, &last).state, job.state);
                let ids: Vec<u32> = journal::after(&job, 0).iter().map(journal::Event::id).collect();
                prop_assert!(ids.is_sorted_by(|a, b| a < b));
            }
        }

        #[test]
        fn a_doubled_event_changes_nothing(story in prop::collection::vec((1u32..4, 0u64..50, 0usize..5), 0..30)) {
            let mut job = queued();
            for (attempt, at_ms, kind) in story {
                let kind = match kind {
                    0 => EventKind::Received,
                    1 => EventKind::Started { batch_size: 2 },
                    2 => succeeded(),
                    3 => failed(),
                    _ => EventKind::Returned { again_ms: None },
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
