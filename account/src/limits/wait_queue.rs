//! The queue of submissions that wait for a limit: first come, first served.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use futures_channel::oneshot::{Receiver, Sender, channel};

use forebay_limits::policy::Buckets;

/// The most submissions that wait in one object; more are refused at once.
const MOST: usize = 100;

/// The moment at which a call is expected to pass, and what the limits remember from then on.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedAdmission {
    /// The moment, in milliseconds since the epoch.
    pub at_ms: u64,
    /// The object's buckets.
    pub buckets: Buckets,
}

/// Who waits, in order. Nothing is sent to the first: it is its turn.
#[derive(Debug, Default)]
pub struct WaitQueue(RefCell<VecDeque<Waiter>>);

#[derive(Debug)]
struct Waiter {
    number: u64,
    turn: Sender<()>,
    expected: ExpectedAdmission,
}

/// A ticket in the queue; leaving it, in whatever way, is the next one's turn.
#[derive(Debug)]
pub struct Ticket {
    queue: Rc<WaitQueue>,
    number: u64,
    /// Ends when it is this one's turn; `None` when it is already.
    pub turn: Option<Receiver<()>>,
}

impl WaitQueue {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// When the last of it is expected to pass.
    pub fn expected(&self) -> Option<ExpectedAdmission> {
        self.0.borrow().back().map(|last| last.expected.clone())
    }

    /// A ticket at the end for who is `expected` to pass then, or `None` when the queue is too long already.
    pub fn join(self: &Rc<Self>, expected: ExpectedAdmission) -> Option<Ticket> {
        let mut queue = self.0.borrow_mut();
        if queue.len() >= MOST {
            return None;
        }
        let (sender, receiver) = channel();
        let number = queue.back().map_or(0, |last| last.number + 1);
        let turn = (!queue.is_empty()).then_some(receiver);
        queue.push_back(Waiter { number, turn: sender, expected });
        Some(Ticket { queue: self.clone(), number, turn })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut queue = self.queue.0.borrow_mut();
        let was_first = queue.front().is_some_and(|first| first.number == self.number);
        queue.retain(|waiting| waiting.number != self.number);
        if was_first && let Some(first) = queue.front_mut() {
            // The ticket stays; only its sender is used up.
            let sender = std::mem::replace(&mut first.turn, channel().0);
            // Who has given up meanwhile leaves by itself.
            let _: Result<(), ()> = sender.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_time() -> ExpectedAdmission {
        ExpectedAdmission { at_ms: 0, buckets: Default::default() }
    }

    /// Whether it is the ticket's turn.
    fn is_first(ticket: &mut Ticket) -> bool {
        ticket.turn.as_mut().is_none_or(|turn| matches!(turn.try_recv(), Ok(Some(()))))
    }

    #[test]
    fn turns_come_in_order_and_leaving_the_middle_changes_nothing() {
        let queue = Rc::new(WaitQueue::default());
        let [mut first, mut second, mut third, mut fourth] = [(); 4].map(|()| queue.join(some_time()).unwrap());
        assert_eq!([&mut first, &mut second, &mut third].map(is_first), [true, false, false]);
        drop(second);
        assert!(!is_first(&mut third));
        drop(first);
        assert!(is_first(&mut third));
        assert!(!is_first(&mut fourth));
        drop(third);
        assert!(is_first(&mut fourth));
        drop(fourth);
        assert!(queue.is_empty());
    }

    #[test]
    fn the_queue_has_an_end() {
        let queue = Rc::new(WaitQueue::default());
        let tickets: Vec<Ticket> = std::iter::from_fn(|| queue.join(some_time())).collect();
        assert_eq!(tickets.len(), MOST);
        drop(tickets);
        assert!(queue.join(some_time()).is_some());
    }
}
