//! Watched that have not begun: while they wait, the edge is asked now and then whether they are still wanted.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use forebay_contract::{EventKind, JobId, ReportEvent, report::MAX_EVENTS};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::job::Job;
use crate::clock::wall_ms;

/// An answer is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// The most jobs that are asked about at once; those that were not asked about for the longest time go first.
const AT_ONCE: usize = 2 * MAX_EVENTS;

/// The jobs that wait: the stages put them in, reporting asks about them.
#[derive(Clone, Default)]
pub(super) struct WatchedJobs {
    jobs: Arc<Mutex<Watched>>,
}

#[derive(Default)]
struct Watched {
    next: u64,
    questions: HashMap<u64, Question>,
}

struct Question {
    /// With the time of the first asking: it is then that the job was received.
    event: ReportEvent,
    asked: Instant,
    unwanted: CancellationToken,
}

/// The edge is asked about a job until this is dropped.
pub(crate) struct Watch {
    number: u64,
    jobs: WatchedJobs,
}

impl WatchedJobs {
    /// From now on `job` waits; it is being asked about just now.
    pub(super) fn watch(&self, job: &Job) -> Watch {
        let event = ReportEvent { job_id: job.id, attempt: job.attempt, at_ms: wall_ms(), kind: EventKind::Received };
        let question = Question { event, asked: Instant::now(), unwanted: job.unwanted.clone() };
        let mut jobs = self.jobs();
        let number = jobs.next;
        jobs.next += 1;
        jobs.questions.insert(number, question);
        Watch { number, jobs: self.clone() }
    }

    /// The questions whose last answer is too old, as asked at `now`.
    pub(super) fn due(&self, now: Instant) -> Vec<ReportEvent> {
        let mut jobs = self.jobs();
        let mut due: Vec<&mut Question> =
            jobs.questions.values_mut().filter(|question| question.asked + GOOD_FOR <= now).collect();
        due.sort_unstable_by_key(|question| question.asked);
        due.truncate(AT_ONCE);
        let ask = |question: &mut Question| {
            question.asked = now;
            question.event.clone()
        };
        due.into_iter().map(ask).collect()
    }

    /// The edge said, in whatever context, that nobody wants these.
    pub(super) fn cancel(&self, canceled: &HashSet<JobId>) {
        if canceled.is_empty() {
            return;
        }
        let jobs = self.jobs();
        let unwanted = jobs.questions.values().filter(|question| canceled.contains(&question.event.job_id));
        unwanted.for_each(|question| question.unwanted.cancel());
    }

    fn jobs(&self) -> MutexGuard<'_, Watched> {
        // Nothing panics under this lock.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.jobs.jobs().questions.remove(&self.number);
    }
}
