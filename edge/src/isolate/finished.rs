use std::rc::Rc;

use forebay_account::Job;
use forebay_contract::{JobId, JobState};

use super::expiring::Expiring;

/// Jobs whose result was delivered here a moment ago: nothing changes in them any more, so their object need not be
/// asked again. That a result is gone is found out where it is looked for.
pub struct Finished(pub(super) Expiring<JobId, Rc<Job>>);

impl Finished {
    /// The job, if it has succeeded and this isolate knows that. Whether it is the caller's is asked before.
    pub fn get(&self, id: &JobId, now_ms: u64) -> Option<Rc<Job>> {
        self.0.get(id, now_ms)
    }

    /// Forgets all jobs.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Forgets a job.
    pub fn forget(&mut self, id: &JobId) {
        self.0.forget(id);
    }

    /// Remembers a job, if it has succeeded.
    pub fn put(&mut self, job: &Rc<Job>, now_ms: u64) {
        if job.state == JobState::Succeeded {
            self.0.put(job.id, Rc::clone(job), now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_account::example::{START_MS, queued};

    #[test]
    fn only_what_has_succeeded_is_remembered_and_for_its_time() {
        let mut finished = Finished(Expiring::new(2, 60_000));
        let id = queued().id;
        finished.put(&Rc::new(queued()), START_MS);
        assert_eq!(finished.get(&id, START_MS), None);
        finished.put(&Rc::new(Job { state: JobState::Succeeded, ..queued() }), START_MS);
        assert!(finished.get(&id, START_MS + 59_999).is_some());
        finished.forget(&id);
        assert_eq!(finished.get(&id, START_MS), None);
        finished.put(&Rc::new(Job { state: JobState::Succeeded, ..queued() }), START_MS);
        assert_eq!(finished.get(&id, START_MS + 60_000), None);
    }
}
