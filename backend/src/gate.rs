use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Lets a bounded weight through at once; the accounts that wait take turns, so that a crowd of one account costs
/// another account one turn and not the whole crowd's.
#[derive(Clone)]
pub(crate) struct Gate {
    state: Arc<Mutex<State>>,
}

/// Nobody waits whose turn it is and who fits into what is free.
struct State {
    capacity: usize,
    free: usize,
    /// The accounts that wait, the next one first.
    turns: VecDeque<String>,
    waiting: HashMap<String, VecDeque<Waiter>>,
}

struct Waiter {
    weight: usize,
    turn: oneshot::Sender<Pass>,
}

/// The right to be inside, until it is dropped.
pub(crate) struct Pass {
    gate: Option<Gate>,
    weight: usize,
}

impl Gate {
    /// A gate that lets `capacity` through at once, at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let state = State { capacity, free: capacity, turns: VecDeque::new(), waiting: HashMap::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Waits until it is this account's turn. Who gives up waiting costs the others nothing.
    pub(crate) async fn enter(&self, account: &str) -> Pass {
        self.enter_with(account, 1).await
    }

    /// The same with a weight. What is heavier than all there is goes through alone; what is lighter does not overtake it.
    pub(crate) async fn enter_with(&self, account: &str, weight: usize) -> Pass {
        let (turn, admitted) = oneshot::channel();
        {
            let mut state = self.state();
            let weight = weight.min(state.capacity);
            if state.turns.is_empty()
                && let Some(left) = state.free.checked_sub(weight)
            {
                state.free = left;
                return Pass { gate: Some(self.clone()), weight };
            }
            state.wait(account, Waiter { weight, turn });
            self.admit(&mut state);
        }
        // This is never an error: this gate lives as long as we wait, and drops no waiter unanswered.
        admitted.await.unwrap_or(Pass { gate: None, weight: 0 })
    }

    /// Whether somebody could go in at once.
    #[cfg(test)]
    pub(crate) fn is_open(&self) -> bool {
        self.state().free > 0
    }

    fn leave(&self, weight: usize) {
        let mut state = self.state();
        state.free += weight;
        self.admit(&mut state);
    }

    /// Lets in whose turn it is, as long as they fit.
    fn admit(&self, state: &mut State) {
        while let Some(Waiter { weight, turn }) = state.next() {
            state.free -= weight;
            if let Err(mut pass) = turn.send(Pass { gate: Some(self.clone()), weight }) {
                // Who waited gave up: the pass's drop must not come back here.
                pass.gate = None;
                state.free += weight;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&mut self, account: &str, waiter: Waiter) {
        let queue = self.waiting.entry(account.to_owned()).or_default();
        if queue.is_empty() {
            self.turns.push_back(account.to_owned());
        }
        queue.push_back(waiter);
    }

    /// The next one, if it fits. Who gave up fits always: it is not waited for.
    fn next(&mut self) -> Option<Waiter> {
        let queue = self.waiting.get_mut(self.turns.front()?)?;
        let next = queue.pop_front_if(|waiter| waiter.weight <= self.free || waiter.turn.is_closed())?;
        let account = self.turns.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(&account);
        } else {
            self.turns.push_back(account);
        }
        if next.turn.is_closed() {
            // Nothing of it is to be weighed.
            return self.next();
        }
        Some(next)
    }
}

impl Pass {
    /// Gives back what is heavier than `weight`.
    pub(crate) fn lighten(&mut self, weight: usize) {
        if let Some(less) = self.weight.checked_sub(weight).filter(|less| *less > 0) {
            self.weight = weight;
            if let Some(gate) = &self.gate {
                gate.leave(less);
            }
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.leave(self.weight);
        }
    }
}

#[cfg(test)]
mod tests;
