//! What happened to a job, in order: the events that clients receive, and receive again after a break.
//!
//! They are text in the job's own row, so an event costs no write of its own and is gone with the job. The first event
//! of every job is `queued`, number 1; it is not stored.

use forebay_contract::{JobState, state::Transition};
use serde::{Deserialize, Serialize};

use super::Job;

/// The most stored events of one job: beyond it the oldest go. A job that is given back so often has other troubles.
const MOST_EVENTS: usize = 32;

/// The most stored events of a job that has ended.
const MOST_KEPT: usize = 8;

/// What can happen to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum EventName {
    /// It was accepted.
    Queued,
    /// A worker began.
    Running,
    /// Some of its steps are done.
    Progress,
    /// A worker gave it back to its lane.
    Returned,
    /// The result is stored.
    Succeeded,
    /// A failure is stored.
    Failed,
    /// The client called it off.
    Canceled,
    /// Its deadline or its result's lifetime is over.
    Expired,
}

/// One event. As text `[id, name, at_ms, attempt]`, and `, done, total` for progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event(pub u32, pub EventName, pub u64, pub u32, pub Option<(u32, u32)>);

impl Event {
    /// Its number within the job, from 1.
    pub fn id(&self) -> u32 {
        self.0
    }

    /// Its name.
    pub fn name(&self) -> EventName {
        self.1
    }

    /// When it happened, in milliseconds since the epoch.
    pub fn at_ms(&self) -> u64 {
        self.2
    }

    /// The attempt that it speaks of; 0 before the first.
    pub fn attempt(&self) -> u32 {
        self.3
    }
}

impl EventName {
    /// The name in JSON and event streams.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Progress => "progress",
            Self::Returned => "returned",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }

    /// What a transition is called.
    pub fn of(transition: Transition) -> Self {
        match transition {
            Transition::Started(_) => Self::Running,
            Transition::Returned(_) => Self::Returned,
            Transition::Succeeded => Self::Succeeded,
            Transition::Failed(_) => Self::Failed,
            Transition::Canceled => Self::Canceled,
            Transition::Expired => Self::Expired,
        }
    }

    fn state(self) -> JobState {
        match self {
            Self::Queued | Self::Returned => JobState::Queued,
            Self::Running | Self::Progress => JobState::Running,
            Self::Succeeded => JobState::Succeeded,
            Self::Failed => JobState::Failed,
            Self::Canceled => JobState::Canceled,
            Self::Expired => JobState::Expired,
        }
    }
}

/// Writes an event down, of a job whose log is unfolded. Progress is kept until something else happens: nobody wants older
/// steps again.
pub(crate) fn note(job: &mut Job, name: EventName, at_ms: u64) {
    let mut stored = logged(job);
    let id = stored.last().map_or(1, Event::id).saturating_add(1);
    if stored.last().is_some_and(|last| last.name() == EventName::Progress) {
        stored.pop();
    }
    let steps = job.done.zip(job.total).filter(|_| name == EventName::Progress);
    stored.push(Event(id, name, at_ms, job.attempt, steps));
    if stored.len() > MOST_EVENTS {
        stored.remove(0);
    }
    // Numbers and names always have a JSON form.
    job.log = serde_json::to_string(&stored).ok();
}

/// The events after number `after`, oldest first.
pub(crate) fn after(job: &Job, after: u32) -> Vec<Event> {
    let mut events = events(job);
    if events.first().is_none_or(|first| first.id() == 2) {
        events.insert(0, Event(1, EventName::Queued, job.accepted_ms, 0, None));
    }
    events.retain(|event| event.id() > after);
    events
}

/// The log as the job's row keeps it: without what its other columns say, and of one that has ended without much of a story
/// that is very long. Most rows have none, and a row that does not grow leaves no holes in its page.
pub(crate) fn stored(job: &Job) -> Option<String> {
    let mut kept = events(job);
    if job.state.is_final() {
        kept.drain(..kept.len().saturating_sub(MOST_KEPT));
    }
    let without = |left: usize| {
        let log = kept.get(..kept.len().checked_sub(left)?).filter(|log| !log.is_empty());
        let log = log.and_then(|log| serde_json::to_string(log).ok());
        (events(&Job { log: log.clone(), ..job.clone() }) == kept).then_some(log)
    };
    without(kept.len()).or_else(|| without(1)).unwrap_or_else(|| serde_json::to_string(&kept).ok())
}

/// Before anything happens to a job, what its columns say of its story is written out: they will say something else.
pub(crate) fn unfold(job: &mut Job) {
    let events = events(job);
    job.log = Some(events).filter(|events| !events.is_empty()).and_then(|events| serde_json::to_string(&events).ok());
}

/// Whether nothing more will happen to a job, and nothing has since event number `after`.
pub fn is_over(job: &Job, after: u32) -> bool {
    job.state.is_final() && self::after(job, after).is_empty()
}

/// What happened so far, and when; progress apart.
pub fn story(job: &Job) -> Vec<Event> {
    let mut story = after(job, 0);
    story.retain(|event| event.name() != EventName::Progress);
    story
}

/// The latest event.
pub(crate) fn last(job: &Job) -> Event {
    after(job, 0).pop().unwrap_or(Event(1, EventName::Queued, job.accepted_ms, 0, None))
}

/// The job as it was at an event: what came later is taken away again.
pub(crate) fn as_of(job: &Job, event: &Event) -> Job {
    let Event(id, name, _, attempt, steps) = *event;
    let mut log = events(job);
    let is_last = log.last().is_none_or(|last| last.id() <= id);
    log.retain(|stored| stored.id() <= id);
    if is_last && name.state() == job.state {
        return job.clone();
    }
    let mut then = Job { state: name.state(), attempt, log: serde_json::to_string(&log).ok(), ..job.clone() };
    if attempt != job.attempt {
        // What the row says of a batch is the last one's.
        let began = log.iter().rev().find(|event| (event.name(), event.attempt()) == (EventName::Running, attempt));
        then.started_ms = began.map(Event::at_ms);
        (then.received_ms, then.batch_size, then.worker) = (None, None, None);
    }
    if !then.state.is_final() {
        (then.finished_ms, then.device_ms, then.media_type, then.bytes) = (None, None, None, None);
        (then.failure_code, then.failure_detail) = (None, None);
        (then.done, then.total) = steps.unzip();
    }
    if then.state == JobState::Queued {
        (then.received_ms, then.started_ms, then.batch_size, then.worker) = (None, None, None, None);
    }
    then
}

/// What is written, and what the job's columns say: when it began, if it did so once, and when it ended.
fn events(job: &Job) -> Vec<Event> {
    let mut events = logged(job);
    if let (true, Some(started_ms)) = (events.is_empty(), job.started_ms.filter(|_| job.state != JobState::Queued)) {
        events.push(Event(2, EventName::Running, started_ms, job.attempt, None));
    }
    // A job that was accepted with its result has had no event yet.
    if job.state.is_final() && events.last().is_none_or(|last| !last.name().state().is_final()) {
        let id = events.last().map_or(1, Event::id).saturating_add(1);
        let name = match job.state {
            JobState::Failed => EventName::Failed,
            JobState::Canceled => EventName::Canceled,
            JobState::Expired => EventName::Expired,
            JobState::Queued | JobState::Running | JobState::Succeeded => EventName::Succeeded,
        };
        events.push(Event(id, name, job.finished_ms.unwrap_or(job.accepted_ms), job.attempt, None));
    }
    events
}

fn logged(job: &Job) -> Vec<Event> {
    // What another build wrote and this one cannot read is a log that starts anew.
    job.log.as_deref().and_then(|log| serde_json::from_str(log).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::job::example::{START_MS, queued};

    fn ids(job: &Job, from: u32) -> Vec<(u32, &'static str)> {
        after(job, from).iter().map(|event| (event.id(), event.name().name())).collect()
    }

    #[test]
    fn events_are_numbered_and_read_again_from_anywhere() {
        let mut job = queued();
        assert_eq!(ids(&job, 0), [(1, "queued")]);
        assert_eq!(ids(&job, 1), []);
        job.transition(Transition::Started(1), START_MS + 5);
        for done in [1, 2, 9] {
            (job.done, job.total) = (Some(done), Some(9));
            unfold(&mut job);
            note(&mut job, EventName::Progress, START_MS + 6);
        }
        assert_eq!(ids(&job, 0), [(1, "queued"), (2, "running"), (5, "progress")]);
        assert_eq!(ids(&job, 3), [(5, "progress")]);
        job.transition(Transition::Succeeded, START_MS + 9);
        assert_eq!(ids(&job, 2), [(6, "succeeded")]);
        assert_eq!(ids(&job, 6), []);
        assert_eq!(job.log.as_deref().unwrap().len(), 73);
    }

    #[test]
    fn a_job_that_was_born_finished_ends_its_story() {
        let job = Job { state: JobState::Succeeded, finished_ms: Some(START_MS), ..queued() };
        assert_eq!(ids(&job, 0), [(1, "queued"), (2, "succeeded")]);
    }

    #[test]
    fn the_log_has_an_end() {
        let mut job = queued();
        for attempt in 1..1_000 {
            assert!(job.transition(Transition::Started(attempt), START_MS));
            assert!(job.transition(Transition::Returned(attempt), START_MS));
        }
        let events = after(&job, 0);
        assert_eq!((events.len(), last(&job).id()), (MOST_EVENTS, 1_999));
        assert!(job.log.unwrap().len() < 2_048);
    }

    #[test]
    fn a_job_is_shown_as_it_was() {
        let mut job = queued();
        job.transition(Transition::Started(1), START_MS + 5);
        (job.started_ms, job.worker) = (Some(START_MS + 5), Some("w".to_owned()));
        job.transition(Transition::Succeeded, START_MS + 9);
        (job.bytes, job.device_ms) = (Some(9), Some(1.0));
        let events = after(&job, 0);
        let [queued, running, succeeded] = events.as_slice() else { panic!("{events:?}") };
        let then = as_of(&job, queued);
        assert_eq!((then.state, then.attempt, then.started_ms, then.bytes), (JobState::Queued, 0, None, None));
        let then = as_of(&job, running);
        assert_eq!((then.state, then.started_ms, then.finished_ms), (JobState::Running, Some(START_MS + 5), None));
        assert_eq!(as_of(&job, succeeded), job);
    }

    #[test]
    fn an_attempt_that_was_given_back_is_shown_with_its_own_start() {
        let mut job = queued();
        for (attempt, at_ms) in [(1, 5), (2, 50)] {
            job.transition(Transition::Started(attempt), START_MS + at_ms);
            (job.started_ms, job.batch_size) = (Some(START_MS + at_ms), Some(attempt));
        }
        let events = after(&job, 1);
        let [first, second] = events.as_slice() else { panic!("{events:?}") };
        let then = as_of(&job, first);
        assert_eq!((then.attempt, then.started_ms, then.batch_size), (1, Some(START_MS + 5), None));
        assert_eq!(as_of(&job, second), job);
        let events = |job: &Job| {
            story(job)
                .iter()
                .map(|event| (event.name().name(), event.at_ms() - START_MS, event.attempt()))
                .collect::<Vec<_>>()
        };
        assert_eq!(events(&job), [("queued", 0, 0), ("running", 5, 1), ("running", 50, 2)]);
        assert_eq!(events(&then), [("queued", 0, 0), ("running", 5, 1)]);
    }

    #[test]
    fn what_the_columns_of_an_ended_job_say_is_not_kept_twice() {
        let mut job = queued();
        job.transition(Transition::Started(1), START_MS + 5);
        job.started_ms = Some(START_MS + 5);
        assert_eq!(stored(&job), None);
        job.transition(Transition::Failed(1), START_MS + 9);
        assert_eq!(stored(&job), None);
        // Two attempts: when the first began is nowhere else.
        let mut job = queued();
        job.transition(Transition::Started(1), START_MS + 5);
        job.transition(Transition::Returned(1), START_MS + 6);
        job.transition(Transition::Started(2), START_MS + 7);
        job.started_ms = Some(START_MS + 7);
        assert_eq!(stored(&job), job.log);
        let open = job.log.clone();
        job.transition(Transition::Succeeded, START_MS + 9);
        assert_eq!(stored(&job), open);
    }

    /// As rows go: written short, read, gone on with.
    fn reread(job: &mut Job) {
        job.log = stored(job);
    }

    proptest! {
        /// Whatever happens to a job, and however often its row is written and read in between: the same events come of it.
        #[test]
        fn a_short_row_tells_the_same_story(
            steps in prop::collection::vec((0u8..6, 0u64..50, any::<bool>()), 0..20),
        ) {
            let (mut job, mut whole) = (queued(), queued());
            for (number, (step, at_ms, rereads)) in (0u64..).zip(steps) {
                let at_ms = START_MS + 100 * number + at_ms;
                for job in [&mut job, &mut whole] {
                    let attempt = job.attempt;
                    let transition = match step {
                        0 | 1 => Transition::Started(attempt + 1),
                        2 => Transition::Returned(attempt),
                        3 => Transition::Succeeded,
                        4 => Transition::Failed(attempt),
                        _ => Transition::Expired,
                    };
                    if job.transition(transition, at_ms) && matches!(transition, Transition::Started(_)) {
                        job.started_ms = Some(at_ms);
                    }
                }
                if rereads {
                    reread(&mut job);
                }
                let bound = |events: Vec<Event>| events.into_iter().rev().take(MOST_KEPT).collect::<Vec<_>>();
                prop_assert_eq!(bound(after(&job, 0)), bound(after(&whole, 0)));
                prop_assert!(!job.state.is_final() || stored(&job).is_none_or(|log| log.len() <= 64 * MOST_KEPT));
            }
        }
    }

    #[test]
    fn a_log_that_cannot_be_read_starts_anew() {
        let mut job = Job { log: Some("?".to_owned()), ..queued() };
        job.transition(Transition::Canceled, START_MS);
        assert_eq!(ids(&job, 0), [(1, "queued"), (2, "canceled")]);
    }
}
