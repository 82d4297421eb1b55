//! One lane's outbox as memory has it: a queue in front of the table, so that what was just written is not read back, and
//! what was sent is marked together with a later write.

use std::collections::VecDeque;

use forebay_contract::{JobId, Lane};

use super::batch;

/// What memory holds at most; the table has the rest.
const MOST_BYTES: usize = 4 << 20;

/// A message that waits for its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The order of acceptance.
    pub seq: u64,
    /// The job.
    pub job_id: JobId,
    /// The queue.
    pub lane: Lane,
    /// What is sent.
    pub text: String,
}

/// The messages in memory: always the oldest that wait, in order.
#[derive(Debug)]
pub struct Pending {
    messages: VecDeque<Message>,
    bytes: usize,
    /// Whether the table has nothing that is not here, or on its way.
    complete: bool,
}

impl Pending {
    /// For an object that starts with or without messages in its table.
    pub fn new(table_is_empty: bool) -> Self {
        Self { messages: VecDeque::new(), bytes: 0, complete: table_is_empty }
    }

    /// How many are in memory.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether the table must be asked when memory has nothing.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Adds the newest message, unless memory is full or behind: then it is found in the table.
    pub fn push(&mut self, message: Message) {
        self.complete &= self.bytes + message.text.len() <= MOST_BYTES;
        if self.complete {
            self.bytes += message.text.len();
            self.messages.push_back(message);
        }
    }

    /// The oldest messages that fit one batch, `most` at most.
    pub fn take_batch(&mut self, most: usize) -> Vec<Message> {
        if self.messages.is_empty() {
            return Vec::new();
        }
        let lengths = self.messages.iter().take(most).map(|message| message.text.len());
        let batch: Vec<Message> = self.messages.drain(..batch::fitting(lengths)).collect();
        self.bytes -= batch.iter().map(|message| message.text.len()).sum::<usize>();
        batch
    }

    /// Takes a canceled job's message away.
    pub fn remove(&mut self, id: &JobId) {
        self.messages.retain(|message| message.job_id != *id);
        self.bytes = self.messages.iter().map(|message| message.text.len()).sum();
    }

    /// After a failed batch: order and completeness are the table's to know.
    pub fn fall_back(&mut self) {
        *self = Self::new(false);
    }

    /// Once the table is known to be empty.
    pub fn caught_up(&mut self) {
        self.complete = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::example::queued;

    fn message(seq: u64, bytes: usize) -> Message {
        Message { seq, job_id: queued().id, lane: Lane::FREE_LIGHT, text: "x".repeat(bytes) }
    }

    fn seqs(batch: &[Message]) -> Vec<u64> {
        batch.iter().map(|message| message.seq).collect()
    }

    #[test]
    fn batches_keep_the_order() {
        let mut pending = Pending::new(true);
        for seq in 0..14 {
            pending.push(message(seq, 1));
        }
        assert_eq!(seqs(&pending.take_batch(10)), (0..10).collect::<Vec<_>>());
        assert_eq!(seqs(&pending.take_batch(1)), [10]);
        assert_eq!(seqs(&pending.take_batch(10)), [11, 12, 13]);
        assert_eq!((pending.take_batch(10), pending.bytes), (Vec::new(), 0));
    }

    #[test]
    fn what_memory_has_no_room_for_is_left_to_the_table_until_that_is_empty() {
        let mut pending = Pending::new(true);
        pending.push(message(0, MOST_BYTES));
        assert!(pending.is_complete());
        pending.push(message(1, 1));
        assert!(!pending.is_complete());
        pending.take_batch(10);
        // Number 1 comes before it: out of order would be wrong.
        pending.push(message(2, 1));
        assert_eq!(pending.len(), 0);
        pending.caught_up();
        pending.push(message(3, 1));
        assert_eq!(seqs(&pending.take_batch(10)), [3]);
    }

    #[test]
    fn a_failed_batch_sends_memory_back_to_the_table() {
        let mut pending = Pending::new(true);
        pending.push(message(0, 1));
        pending.fall_back();
        assert_eq!((pending.len(), pending.is_complete()), (0, false));
    }
}
