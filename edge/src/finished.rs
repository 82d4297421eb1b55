//! Jobs whose result was delivered here a moment ago: nothing changes in them any more, so their object need not be asked
//! again. That a result is gone is found out where it is looked for.

use std::{cell::RefCell, rc::Rc};

use forebay_contract::{JobId, JobState};

use crate::expiring::Expiring;
use forebay_account::Job;

/// How long an isolate goes by its own memory.
const REMEMBER_MS: u64 = 60_000;
/// About a kilobyte each.
const MOST_REMEMBERED: usize = 1_024;

thread_local! {
    static JOBS: RefCell<Expiring<JobId, Rc<Job>>> = RefCell::new(Expiring::new(MOST_REMEMBERED, REMEMBER_MS));
}

/// The job, if it has succeeded and this isolate knows that. Whether it is the caller's is asked before.
pub fn recall(id: &JobId, now_ms: u64) -> Option<Rc<Job>> {
    JOBS.with_borrow(|jobs| jobs.get(id, now_ms))
}

/// Remembers a job that has succeeded.
pub fn remember(job: Job, now_ms: u64) -> Rc<Job> {
    let job = Rc::new(job);
    if job.state == JobState::Succeeded {
        JOBS.with_borrow_mut(|jobs| jobs.put(job.id, job.clone(), now_ms));
    }
    job
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_account::example::{START_MS, queued};

    #[test]
    fn only_what_has_succeeded_is_remembered_and_for_a_minute() {
        let id = remember(queued(), START_MS).id;
        assert_eq!(recall(&id, START_MS), None);
        remember(Job { state: JobState::Succeeded, ..queued() }, START_MS);
        assert!(recall(&id, START_MS + REMEMBER_MS - 1).is_some());
        assert_eq!(recall(&id, START_MS + REMEMBER_MS), None);
    }
}
