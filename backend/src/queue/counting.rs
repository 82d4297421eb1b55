use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::{MemoryQueue, Message, Queue, QueueError, Receipt, Refused};

/// A queue in memory that counts how often it is polled, and what it is asked to extend.
#[derive(Default)]
pub(crate) struct CountingQueue {
    pub(crate) inner: MemoryQueue,
    pub(crate) polls: AtomicUsize,
    /// How many receipts each call named.
    pub(crate) extended: Mutex<Vec<usize>>,
}

#[async_trait]
impl Queue for CountingQueue {
    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Message>, QueueError> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.inner.receive(max, wait, visibility).await
    }

    async fn extend(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Refused>, QueueError> {
        self.extended.lock().unwrap().push(receipts.len());
        self.inner.extend(receipts, visibility).await
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Refused>, QueueError> {
        self.inner.delete(receipts).await
    }
}
