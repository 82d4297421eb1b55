//! The outbox in memory: a queue of messages a lane, so that a lane whose queue fails holds up no other. Pure.

pub(crate) mod batch;
mod pending;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use forebay_contract::{JobId, Lane};

pub(crate) use self::pending::Message;
use self::pending::Pending;
use crate::{backoff::backoff_ms, timers::SingleTask};

const FIRST_RETRY_MS: u64 = 200;
const LONGEST_RETRY_MS: u64 = 30_000;
/// While messages wait, an alarm stands this close behind: whatever dies between commit and send, it sends them.
const ALARM_MS: u64 = 1_000;
/// While a batch is on its way there is nothing else to be done: what it takes long is not looked at each second.
const ALARM_BEHIND_BATCH_MS: u64 = 5_000;

/// A message that its queue has.
#[derive(Debug)]
pub struct Sent {
    /// Its number in the outbox.
    pub seq: u64,
    /// Its job.
    pub job_id: JobId,
    /// When it left, in milliseconds since the epoch.
    pub at_ms: u64,
}

/// The messages of one lane.
#[derive(Debug)]
pub struct LaneOutbox {
    /// How many no queue has taken yet.
    pub unsent: usize,
    /// Their beginning, in memory.
    pub pending: Pending,
    /// Whether they are being sent.
    pub flushing: bool,
    /// When the last batch began.
    pub last_batch_ms: u64,
    /// Whether a message left the table in another way than by being sent.
    pub recount: bool,
    /// Whether the queue refuses batches for what is in them: then messages go alone until that one is found.
    pub one_by_one: bool,
    failures: u32,
    retry_at_ms: u64,
}

impl LaneOutbox {
    fn new(unsent: usize) -> Self {
        Self {
            unsent,
            pending: Pending::new(unsent == 0),
            flushing: false,
            last_batch_ms: 0,
            recount: false,
            one_by_one: false,
            failures: 0,
            retry_at_ms: 0,
        }
    }

    /// Whether a batch may be sent now.
    pub fn may_send(&self, now_ms: u64) -> bool {
        self.unsent > 0 && self.retry_at_ms <= now_ms
    }

    /// A batch was taken.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// A batch was not taken: how long to wait before the next, in milliseconds.
    pub fn failed(&mut self, now_ms: u64, random: u64) -> u64 {
        self.pending.fall_back();
        self.failures = self.failures.saturating_add(1);
        let wait_ms = backoff_ms(self.failures, FIRST_RETRY_MS, LONGEST_RETRY_MS, random);
        self.retry_at_ms = now_ms.saturating_add(wait_ms);
        wait_ms
    }

    /// Makes memory say what the table does.
    pub fn counted(&mut self, unsent: usize) {
        self.unsent = unsent;
        if unsent == 0 {
            self.pending.caught_up();
        }
    }

    fn due_ms(&self, now_ms: u64) -> Option<u64> {
        let wait_ms = if self.flushing { ALARM_BEHIND_BATCH_MS } else { ALARM_MS };
        (self.unsent > 0).then(|| self.retry_at_ms.max(now_ms.saturating_add(wait_ms)))
    }
}

/// The messages of one object.
#[derive(Debug, Default)]
pub struct Outbox {
    lanes: RefCell<BTreeMap<Lane, LaneOutbox>>,
    /// Messages that were taken and are not marked so in the table.
    sent: RefCell<Vec<Sent>>,
    /// Marks them.
    pub mark_sent: SingleTask,
    next_seq: Cell<u64>,
}

impl Outbox {
    /// Of an object whose table has so many messages that wait, by lane, and whose newest message is `last_seq`.
    pub fn new(unsent: BTreeMap<Lane, usize>, last_seq: u64) -> Self {
        let lanes = unsent.into_iter().map(|(lane, unsent)| (lane, LaneOutbox::new(unsent))).collect();
        let next_seq = Cell::new(last_seq.saturating_add(1));
        Self { lanes: RefCell::new(lanes), next_seq, ..Self::default() }
    }

    /// Works on the messages of a lane; what it calls must not do the same.
    pub fn with<T>(&self, lane: Lane, act: impl FnOnce(&mut LaneOutbox) -> T) -> T {
        act(self.lanes.borrow_mut().entry(lane).or_insert_with(|| LaneOutbox::new(0)))
    }

    /// A message that was just written waits for its queue.
    pub fn push(&self, message: Message) {
        self.with(message.lane, |outbox| {
            outbox.unsent += 1;
            outbox.pending.push(message);
        });
    }

    /// A queue took a message, which is to be marked.
    pub fn sent(&self, lane: Lane, sent: Sent) {
        self.with(lane, |outbox| outbox.unsent = outbox.unsent.saturating_sub(1));
        self.sent.borrow_mut().push(sent);
    }

    /// How many messages are to be marked as sent.
    pub fn unmarked(&self) -> usize {
        self.sent.borrow().len()
    }

    /// Takes the messages that are to be marked as sent.
    pub fn take_unmarked(&self) -> Vec<Sent> {
        self.sent.take()
    }

    /// These could not be marked.
    pub fn not_marked(&self, sent: Vec<Sent>) {
        self.sent.borrow_mut().extend(sent);
    }

    /// The lanes that messages may be sent to now, and are not being sent to.
    pub fn ready(&self, now_ms: u64) -> Vec<Lane> {
        let lanes = self.lanes.borrow();
        lanes.iter().filter(|(_, lane)| lane.may_send(now_ms) && !lane.flushing).map(|(lane, _)| *lane).collect()
    }

    /// How many messages of a lane wait.
    pub fn unsent(&self, lane: Lane) -> usize {
        self.lanes.borrow().get(&lane).map_or(0, |lane| lane.unsent)
    }

    /// When a lane is tried next, from now, in milliseconds.
    pub fn retry_ms(&self, lane: Lane, now_ms: u64) -> u64 {
        self.lanes.borrow().get(&lane).map_or(0, |lane| lane.retry_at_ms.saturating_sub(now_ms))
    }

    /// When somebody must look again; `None` where nothing waits.
    pub fn due_ms(&self, now_ms: u64) -> Option<u64> {
        self.lanes.borrow().values().filter_map(|lane| lane.due_ms(now_ms)).min()
    }

    /// The table has others than memory knows, or none: it is asked again.
    pub fn recounted(&self, unsent: &BTreeMap<Lane, usize>) {
        for (lane, count) in unsent {
            self.with(*lane, |lane| {
                if lane.unsent != *count {
                    // They are older than what memory has: the table knows the order.
                    lane.pending.fall_back();
                }
            });
        }
        for (lane, outbox) in self.lanes.borrow_mut().iter_mut() {
            outbox.counted(unsent.get(lane).copied().unwrap_or(0));
        }
    }

    /// The next message.
    pub fn message(&self, job_id: JobId, lane: Lane, text: &str) -> Message {
        let seq = self.next_seq.get();
        self.next_seq.set(seq.saturating_add(1));
        Message { seq, job_id, lane, text: text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::example::{START_MS, queued};

    #[test]
    fn a_queue_that_fails_holds_up_no_other() {
        let outbox = Outbox::new(BTreeMap::from([(Lane::FREE_LIGHT, 2), (Lane::PAID_LIGHT, 1)]), 7);
        assert_eq!(outbox.ready(START_MS), [Lane::PAID_LIGHT, Lane::FREE_LIGHT]);
        let waits: Vec<u64> = (0..9).map(|_| outbox.with(Lane::FREE_LIGHT, |lane| lane.failed(START_MS, 0))).collect();
        assert_eq!(waits, [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
        assert_eq!(outbox.ready(START_MS), [Lane::PAID_LIGHT]);
        assert_eq!(outbox.ready(START_MS + 30_000), [Lane::PAID_LIGHT, Lane::FREE_LIGHT]);
        assert_eq!(outbox.retry_ms(Lane::FREE_LIGHT, START_MS + 1), 29_999);
        outbox.with(Lane::PAID_LIGHT, |lane| lane.counted(0));
        assert_eq!(outbox.due_ms(START_MS), Some(START_MS + 30_000));
        assert_eq!(outbox.message(queued().id, Lane::FREE_LIGHT, "x").seq, 8);
    }

    #[test]
    fn an_alarm_stands_behind_whatever_waits() {
        let outbox = Outbox::new(BTreeMap::new(), 0);
        assert_eq!(outbox.due_ms(START_MS), None);
        outbox.with(Lane::FREE_LIGHT, |lane| lane.unsent = 1);
        assert_eq!(outbox.due_ms(START_MS), Some(START_MS + ALARM_MS));
        outbox.with(Lane::FREE_LIGHT, |lane| lane.flushing = true);
        assert_eq!(outbox.due_ms(START_MS), Some(START_MS + ALARM_BEHIND_BATCH_MS));
    }
}
