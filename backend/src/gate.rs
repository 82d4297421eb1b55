use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Lets a bounded number through at once; the accounts that wait take turns, so that a crowd of one account costs
/// another account one turn and not the whole crowd's.
#[derive(Clone)]
pub(crate) struct Gate {
    state: Arc<Mutex<State>>,
}

/// Nobody waits while something is free.
struct State {
    free: usize,
    /// The accounts that wait, the next one first.
    turns: VecDeque<String>,
    waiting: HashMap<String, VecDeque<oneshot::Sender<Pass>>>,
}

/// The right to be inside, until it is dropped.
pub(crate) struct Pass {
    gate: Option<Gate>,
}

impl Gate {
    /// A gate that lets `room` through at once, at least one.
    pub(crate) fn new(room: usize) -> Self {
        let state = State { free: room.max(1), turns: VecDeque::new(), waiting: HashMap::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Waits until it is this account's turn. Who gives up waiting costs the others nothing.
    pub(crate) async fn enter(&self, account: &str) -> Pass {
        let turn = {
            let mut state = self.state();
            if let Some(left) = state.free.checked_sub(1) {
                state.free = left;
                return Pass { gate: Some(self.clone()) };
            }
            let (waiter, turn) = oneshot::channel();
            state.wait(account, waiter);
            turn
        };
        // Never an error: this gate lives as long as we wait, and drops no waiter unanswered.
        turn.await.unwrap_or(Pass { gate: None })
    }

    /// Whether somebody could go in at once.
    #[cfg(test)]
    pub(crate) fn has_room(&self) -> bool {
        self.state().free > 0
    }

    fn leave(&self) {
        let mut state = self.state();
        while let Some(next) = state.next() {
            match next.send(Pass { gate: Some(self.clone()) }) {
                Ok(()) => return,
                // Who waited gave up: the pass is still ours to hand on, and its drop must not come back here.
                Err(mut pass) => pass.gate = None,
            }
        }
        state.free += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&mut self, account: &str, waiter: oneshot::Sender<Pass>) {
        let queue = self.waiting.entry(account.to_owned()).or_default();
        if queue.is_empty() {
            self.turns.push_back(account.to_owned());
        }
        queue.push_back(waiter);
    }

    fn next(&mut self) -> Option<oneshot::Sender<Pass>> {
        let account = self.turns.pop_front()?;
        let queue = self.waiting.get_mut(&account)?;
        let next = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&account);
        } else {
            self.turns.push_back(account);
        }
        next
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    use proptest::prelude::*;

    use super::*;

    type Waiting<'a> = Pin<Box<dyn Future<Output = Pass> + 'a>>;

    fn poll(waiting: &mut Waiting<'_>) -> Option<Pass> {
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(pass) => Some(pass),
            Poll::Pending => None,
        }
    }

    fn waits<'a>(gate: &'a Gate, account: &'a str) -> Waiting<'a> {
        let mut waiting: Waiting<'a> = Box::pin(gate.enter(account));
        assert!(poll(&mut waiting).is_none());
        waiting
    }

    #[test]
    fn a_crowd_costs_another_account_one_turn() {
        let gate = Gate::new(1);
        let inside = poll(&mut (Box::pin(gate.enter("crowd")) as Waiting<'_>)).unwrap();
        let mut crowd: Vec<_> = (0..10).map(|_| waits(&gate, "crowd")).collect();
        let mut lone = waits(&gate, "lone");
        drop(inside);
        let first = poll(&mut crowd[0]).unwrap();
        assert!(poll(&mut lone).is_none() && poll(&mut crowd[1]).is_none());
        drop(first);
        assert!(poll(&mut crowd[1]).is_none());
        drop(poll(&mut lone).unwrap());
        for one in &mut crowd[1..] {
            drop(poll(one).unwrap());
        }
        assert_eq!(gate.state().free, 1);
        assert!(gate.state().waiting.is_empty() && gate.state().turns.is_empty());
    }

    proptest! {
        /// Each step: someone comes, someone leaves, someone who waits gives up (perhaps just after being let in).
        #[test]
        fn no_place_is_lost_or_given_twice(
            room in 1_usize..4, steps in prop::collection::vec((0_u8..4, 0_usize..8), 0..60),
        ) {
            let gate = Gate::new(room);
            let (mut inside, mut outside): (Vec<Pass>, Vec<Waiting<'_>>) = (Vec::new(), Vec::new());
            for (step, which) in steps {
                match step {
                    0 => {
                        let mut new: Waiting<'_> = Box::pin(gate.enter(["a", "b", "c"][which % 3]));
                        match poll(&mut new) {
                            Some(pass) => inside.push(pass),
                            None => outside.push(new),
                        }
                    }
                    1 if !inside.is_empty() => drop(inside.swap_remove(which % inside.len())),
                    2 if !outside.is_empty() => drop(outside.swap_remove(which % outside.len())),
                    _ => {
                        let mut still = Vec::new();
                        for mut one in outside.drain(..) {
                            match poll(&mut one) {
                                Some(pass) => inside.push(pass),
                                None => still.push(one),
                            }
                        }
                        outside = still;
                        prop_assert!(outside.is_empty() || inside.len() == room, "nobody waits before an open gate");
                    }
                }
                prop_assert!(inside.len() <= room);
            }
            drop((outside, inside));
            prop_assert_eq!(gate.state().free, room);
        }
    }
}
