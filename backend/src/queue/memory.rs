use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::{Disorder, MAX_PER_CALL, MAX_RECEIVES, Message, Queue, QueueError, Receipt, Refused};

/// How a [`MemoryQueue`] treats messages that nobody finishes.
#[derive(Debug, Clone, Copy)]
pub struct MemoryQueueSettings {
    /// How often a message is delivered before it is put among the dead letters.
    pub max_receives: u32,
}

impl Default for MemoryQueueSettings {
    fn default() -> Self {
        Self { max_receives: MAX_RECEIVES }
    }
}

/// A queue in memory that hides, redelivers and buries as SQS does; it passes the same contract tests.
///
/// In order and without doubles, unless it is given a [`Disorder`]. Time is tokio's: with a paused clock, visibility
/// timeouts end when the test says so.
#[derive(Default)]
pub struct MemoryQueue {
    settings: MemoryQueueSettings,
    state: Mutex<State>,
    /// Wakes receivers when something is sent or given back.
    changed: Notify,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Entry>,
    dead: Vec<String>,
    deliveries: u64,
    disorder: Option<Disorder>,
}

struct Entry {
    body: String,
    receive_count: u32,
    /// The latest delivery: older ones may still delete, as in SQS, but not extend.
    receipts: Vec<Receipt>,
    /// Hidden until then; `None` when it was never delivered or was given back.
    hidden_until: Option<Instant>,
}

impl Entry {
    fn is_visible(&self, now: Instant) -> bool {
        self.hidden_until.is_none_or(|until| until <= now)
    }
}

impl MemoryQueue {
    /// An empty queue, in order and without doubles.
    pub fn new(settings: MemoryQueueSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// An empty queue that promises no more than a standard SQS queue does.
    pub fn disorderly(settings: MemoryQueueSettings, disorder: Disorder) -> Self {
        let state = State { disorder: Some(disorder), ..State::default() };
        Self { settings, state: Mutex::new(state), ..Self::default() }
    }

    /// Sends one message, which is visible at once.
    pub fn send(&self, body: impl Into<String>) {
        let entry = Entry { body: body.into(), receive_count: 0, receipts: Vec::new(), hidden_until: None };
        self.state().messages.push_back(entry);
        self.changed.notify_waiters();
    }

    /// How many messages are neither deleted nor dead.
    pub fn len(&self) -> usize {
        self.state().messages.len()
    }

    /// Whether every message was deleted or is dead.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bodies of messages that were delivered too often.
    pub fn dead_letters(&self) -> Vec<String> {
        self.state().dead.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No method panics while it holds the lock, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers what is visible now; else says when the next message will be.
    fn take(&self, max: usize, visibility: Duration) -> Result<Vec<Message>, Option<Instant>> {
        let now = Instant::now();
        let mut state = self.state();
        let state = &mut *state;
        let (dead, alive) = std::mem::take(&mut state.messages)
            .into_iter()
            .partition(|entry: &Entry| entry.is_visible(now) && entry.receive_count >= self.settings.max_receives);
        state.messages = alive;
        state.dead.extend(Vec::from(dead).into_iter().map(|entry| entry.body));

        let visible = state.messages.iter().enumerate().filter(|(_, entry)| entry.is_visible(now));
        let mut positions: Vec<usize> = visible.map(|(position, _)| position).collect();
        if let Some(disorder) = &mut state.disorder {
            disorder.shuffle(&mut positions);
        }
        let mut taken = Vec::new();
        for position in positions.into_iter().take(max.min(MAX_PER_CALL)) {
            let Some(entry) = state.messages.get_mut(position) else { continue };
            state.deliveries += 1;
            let receipt = Receipt(state.deliveries.to_string());
            entry.receipts.push(receipt.clone());
            entry.receive_count += 1;
            let doubles = state.disorder.as_mut().is_some_and(Disorder::doubles);
            entry.hidden_until = (!doubles).then(|| now + visibility);
            taken.push(Message { receipt, body: entry.body.clone(), receive_count: entry.receive_count });
        }
        if taken.is_empty() {
            Err(state.messages.iter().filter_map(|entry| entry.hidden_until).filter(|until| *until > now).min())
        } else {
            Ok(taken)
        }
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Message>, QueueError> {
        let deadline = Instant::now() + wait;
        loop {
            // The wake-up is enabled before looking, or a message sent in between would be slept through.
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let next = match self.take(max, visibility) {
                Ok(messages) => return Ok(messages),
                Err(next) => next.map_or(deadline, |next| next.min(deadline)),
            };
            if timeout_at(next, changed).await.is_err() && next >= deadline {
                return Ok(self.take(max, visibility).unwrap_or_default());
            }
        }
    }

    async fn extend(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Refused>, QueueError> {
        let now = Instant::now();
        let mut state = self.state();
        let mut refused = Vec::new();
        for receipt in receipts {
            let held = state
                .messages
                .iter_mut()
                .find(|entry| entry.receipts.last() == Some(receipt) && !entry.is_visible(now));
            match held {
                Some(entry) => entry.hidden_until = Some(now + visibility),
                None => refused.push(Refused { receipt: receipt.clone(), gone: true }),
            }
        }
        drop(state);
        self.changed.notify_waiters();
        Ok(refused)
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Refused>, QueueError> {
        self.state().messages.retain(|entry| !entry.receipts.iter().any(|receipt| receipts.contains(receipt)));
        Ok(Vec::new())
    }
}
