//! Requests that wait for a job's end, or for whatever happens to it.

use std::{cell::RefCell, collections::HashMap};

use forebay_contract::JobId;
use futures_channel::oneshot::{Receiver, Sender, channel};

/// The most requests one object holds open; more are answered at once with how things stand.
const MOST: usize = 1_000;

/// Who waits for what.
#[derive(Debug, Default)]
pub struct Waiters(RefCell<HashMap<JobId, Vec<Sender<()>>>>);

impl Waiters {
    /// Something that ends when the job does, or `None` when too many wait already.
    pub fn wait(&self, id: JobId) -> Option<Receiver<()>> {
        if self.count() >= MOST {
            return None;
        }
        let mut waiters = self.0.borrow_mut();
        let (sender, receiver) = channel();
        waiters.entry(id).or_default().push(sender);
        Some(receiver)
    }

    /// How many wait.
    pub fn count(&self) -> usize {
        self.0.borrow().values().map(Vec::len).sum()
    }

    /// Wakes everybody who waits for `id`.
    pub fn wake(&self, id: &JobId) {
        // Dropping the senders ends the receivers, after the borrow is over.
        let woken = self.0.borrow_mut().remove(id);
        drop(woken);
    }

    /// Forgets those of `id` who gave up.
    pub fn forget(&self, id: &JobId) {
        let mut waiters = self.0.borrow_mut();
        if let Some(senders) = waiters.get_mut(id) {
            senders.retain(|sender| !sender.is_canceled());
            if senders.is_empty() {
                waiters.remove(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::queued;

    #[test]
    fn waking_ends_every_wait_and_forgetting_only_those_given_up() {
        let (waiters, id) = (Waiters::default(), queued().id);
        let mut first = waiters.wait(id).unwrap();
        drop(waiters.wait(id).unwrap());
        waiters.forget(&id);
        assert_eq!(waiters.0.borrow()[&id].len(), 1);
        assert_eq!(first.try_recv(), Ok(None));
        waiters.wake(&id);
        assert!(first.try_recv().is_err());
        assert!(waiters.0.borrow().is_empty());
    }

    #[test]
    fn there_are_only_so_many() {
        let (waiters, id) = (Waiters::default(), queued().id);
        let held: Vec<_> = std::iter::from_fn(|| waiters.wait(id)).collect();
        assert_eq!((held.len(), waiters.count()), (MOST, MOST));
    }
}
