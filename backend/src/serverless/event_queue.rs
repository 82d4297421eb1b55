use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

use crate::queue::{Message, Queue, QueueError, Receipt, Refused};

/// A lane whose messages are brought. Lambda keeps them hidden while it waits for the answer: there is nothing to extend.
#[derive(Default)]
pub(super) struct EventQueue {
    state: Mutex<State>,
    offered: Notify,
}

#[derive(Default)]
struct State {
    deliveries: u64,
    waiting: VecDeque<Message>,
    /// Who waits for each delivery that is neither deleted nor given back.
    open: HashMap<Receipt, oneshot::Sender<bool>>,
}

impl EventQueue {
    /// Brings one message; the answer is whether it was deleted, or an error when it was forgotten.
    pub(super) fn offer(&self, body: String, receive_count: u32) -> oneshot::Receiver<bool> {
        let (sender, deleted) = oneshot::channel();
        let mut state = self.state();
        // Who stopped waiting is never answered.
        state.open.retain(|_, sender| !sender.is_closed());
        state.deliveries += 1;
        let receipt = Receipt(state.deliveries.to_string());
        state.open.insert(receipt.clone(), sender);
        state.waiting.push_back(Message { receipt, body, receive_count });
        drop(state);
        self.offered.notify_one();
        deleted
    }

    fn take(&self, max: usize) -> Vec<Message> {
        let mut state = self.state();
        let count = max.min(state.waiting.len());
        state.waiting.drain(..count).collect()
    }

    fn answer(&self, receipts: &[Receipt], deleted: bool) -> Vec<Refused> {
        let mut state = self.state();
        let mut refused = Vec::new();
        for receipt in receipts {
            let waits = state.open.remove(receipt).is_some_and(|sender| sender.send(deleted).is_ok());
            if !waits {
                refused.push(Refused { receipt: receipt.clone(), gone: true });
            }
        }
        refused
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Queue for EventQueue {
    async fn receive(&self, max: usize, wait: Duration, _visibility: Duration) -> Result<Vec<Message>, QueueError> {
        let first = self.take(max);
        if !first.is_empty() {
            return Ok(first);
        }
        // A permit is kept for whoever comes late, so nothing is slept through.
        let _ = timeout(wait, self.offered.notified()).await;
        Ok(self.take(max))
    }

    async fn extend(&self, receipts: &[Receipt], _visibility: Duration) -> Result<Vec<Refused>, QueueError> {
        let state = self.state();
        let over = receipts.iter().filter(|receipt| !state.open.contains_key(receipt));
        Ok(over.map(|receipt| Refused { receipt: receipt.clone(), gone: true }).collect())
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Refused>, QueueError> {
        Ok(self.answer(receipts, true))
    }

    /// When it comes again is the lane's to say.
    async fn give_back(&self, receipts: &[Receipt], _after: Duration) -> Result<Vec<Refused>, QueueError> {
        Ok(self.answer(receipts, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VISIBILITY: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn what_is_brought_is_received_once_and_its_end_is_answered() {
        let queue = EventQueue::default();
        let (deleted, returned) = (queue.offer("a".to_owned(), 1), queue.offer("b".to_owned(), 2));
        let messages = queue.receive(10, VISIBILITY, VISIBILITY).await.unwrap();
        assert_eq!(messages.iter().map(|message| message.receive_count).collect::<Vec<_>>(), [1, 2]);
        assert!(queue.receive(10, VISIBILITY, VISIBILITY).await.unwrap().is_empty());
        assert!(queue.extend(&[messages[0].receipt.clone()], VISIBILITY).await.unwrap().is_empty());
        queue.delete(&[messages[0].receipt.clone()]).await.unwrap();
        queue.give_back(&[messages[1].receipt.clone()], Duration::ZERO).await.unwrap();
        assert_eq!((deleted.await, returned.await), (Ok(true), Ok(false)));
        assert!(queue.extend(&[messages[0].receipt.clone()], VISIBILITY).await.unwrap()[0].gone);
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_wakes_when_something_is_brought() {
        let queue = std::sync::Arc::new(EventQueue::default());
        let poll = tokio::spawn({
            let queue = std::sync::Arc::clone(&queue);
            async move { queue.receive(1, VISIBILITY, VISIBILITY).await }
        });
        tokio::task::yield_now().await;
        let _deleted = queue.offer("a".to_owned(), 1);
        assert_eq!(poll.await.unwrap().unwrap().len(), 1);
    }
}
