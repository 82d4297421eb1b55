//! A lane as the worker sees it: messages that come at least once and stay hidden until their visibility timeout ends.

#[cfg(test)]
mod counting;
mod disorder;
mod memory;
mod sqs;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use forebay_contract::Lane;

#[cfg(test)]
pub(crate) use counting::CountingQueue;
pub use disorder::Disorder;
pub use memory::{MemoryQueue, MemoryQueueSettings};
pub use sqs::SqsQueue;

/// The queue of every lane that a worker serves.
pub type Lanes = BTreeMap<Lane, Arc<dyn Queue>>;

/// The most messages one call carries, as in SQS.
pub const MAX_PER_CALL: usize = 10;

/// After so many receives infra's queues bury a message (`maxReceiveCount`). Most come of workers that hand back what they
/// have not begun, as every worker does that drains: jobs are judged by their runs, and this is the end of what is left.
pub const MAX_RECEIVES: u32 = 20;

/// What one delivery of a message is addressed by; the next delivery of the same message has another one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Receipt(pub String);

/// Receipts let their holder delete messages, so they are not printed.
impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receipt(…)")
    }
}

/// One delivery of one message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Addresses this delivery, and no other of the same message.
    pub receipt: Receipt,
    /// What was sent, as it was sent.
    pub body: String,
    /// How often the message was delivered, this time included.
    pub receive_count: u32,
}

/// Bodies are never printed.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({} bytes, receive {})", self.body.len(), self.receive_count)
    }
}

/// The queue could not be reached or refused the call as a whole: try again.
#[derive(Debug, thiserror::Error)]
#[error("queue: {0}")]
pub struct QueueError(pub String);

/// One receipt of a batch that was refused while others went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which receipt was refused.
    pub receipt: Receipt,
    /// Whether the delivery is over (deleted, or visible again), so that trying again is of no use.
    pub gone: bool,
}

/// At-least-once delivery with visibility timeouts, as SQS has it. Every call takes at most [`MAX_PER_CALL`] receipts.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Waits at most `wait` for up to `max` messages and hides them for `visibility`.
    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Message>, QueueError>;

    /// Hides these deliveries for `visibility` from now on.
    async fn extend(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Refused>, QueueError>;

    /// Removes these messages. What was removed before counts as removed.
    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Refused>, QueueError>;

    /// Makes these messages visible after so long, for another worker.
    async fn give_back(&self, receipts: &[Receipt], after: Duration) -> Result<Vec<Refused>, QueueError> {
        self.extend(receipts, after).await
    }
}
