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
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    use proptest::prelude::*;

    use super::*;

    type Entering<'a> = Pin<Box<dyn Future<Output = Pass> + 'a>>;

    fn poll(waiting: &mut Entering<'_>) -> Option<Pass> {
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(pass) => Some(pass),
            Poll::Pending => None,
        }
    }

    fn waits<'a>(gate: &'a Gate, account: &'a str) -> Entering<'a> {
        let mut waiting: Entering<'a> = Box::pin(gate.enter(account));
        assert!(poll(&mut waiting).is_none());
        waiting
    }

    #[test]
    fn a_crowd_costs_another_account_one_turn() {
        let gate = Gate::new(1);
        let inside = poll(&mut (Box::pin(gate.enter("crowd")) as Entering<'_>)).unwrap();
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

    fn enters<'a>(gate: &'a Gate, account: &'a str, weight: usize) -> Entering<'a> {
        Box::pin(gate.enter_with(account, weight))
    }

    #[test]
    fn what_is_heavy_waits_for_room_and_is_not_overtaken() {
        let gate = Gate::new(10);
        let six = poll(&mut enters(&gate, "a", 6)).unwrap();
        let mut seven = enters(&gate, "b", 7);
        assert!(poll(&mut seven).is_none());
        let mut one = enters(&gate, "c", 1);
        assert!(poll(&mut one).is_none(), "it would fit, and came later");
        drop(six);
        let (seven, one) = (poll(&mut seven).unwrap(), poll(&mut one).unwrap());
        assert_eq!(gate.state().free, 2);
        drop((seven, one));
        assert_eq!(gate.state().free, 10);
    }

    #[test]
    fn what_is_heavier_than_all_there_is_goes_through_alone() {
        let gate = Gate::new(10);
        let small = poll(&mut enters(&gate, "a", 1)).unwrap();
        let mut large = enters(&gate, "b", 1_000);
        assert!(poll(&mut large).is_none());
        drop(small);
        let mut large = poll(&mut large).unwrap();
        assert!(poll(&mut enters(&gate, "c", 1)).is_none());
        large.lighten(4);
        assert_eq!(gate.state().free, 6, "what it does not take is there for others");
        large.lighten(5);
        drop(large);
        assert_eq!(gate.state().free, 10);
    }

    #[test]
    fn who_gave_up_holds_up_nobody() {
        let gate = Gate::new(10);
        let nine = poll(&mut enters(&gate, "a", 9)).unwrap();
        let mut heavy = enters(&gate, "b", 10);
        assert!(poll(&mut heavy).is_none());
        drop(heavy);
        assert!(poll(&mut enters(&gate, "c", 1)).is_some());
        drop(nine);
    }

    proptest! {
        #[test]
        fn what_is_inside_is_never_heavier_than_the_room(
            room in 1_usize..20, steps in prop::collection::vec((0_u8..4, 0_usize..30), 0..60),
        ) {
            let gate = Gate::new(room);
            let (mut inside, mut outside): (Vec<Pass>, Vec<Entering<'_>>) = (Vec::new(), Vec::new());
            for (step, which) in steps {
                match step {
                    0 => outside.push(enters(&gate, ["a", "b", "c"][which % 3], which)),
                    1 if !inside.is_empty() => drop(inside.swap_remove(which % inside.len())),
                    2 if !outside.is_empty() => drop(outside.swap_remove(which % outside.len())),
                    3 if !inside.is_empty() => {
                        let at = which % inside.len();
                        inside[at].lighten(which / 2);
                    }
                    _ => {}
                }
                // Who comes may let somebody in who stands before it in this list.
                for _ in 0..2 {
                    let mut still = Vec::new();
                    for mut one in outside.drain(..) {
                        match poll(&mut one) {
                            Some(pass) => inside.push(pass),
                            None => still.push(one),
                        }
                    }
                    outside = still;
                }
                let weight: usize = inside.iter().map(|pass| pass.weight).sum();
                prop_assert_eq!(weight + gate.state().free, room);
                prop_assert!(outside.is_empty() || !inside.is_empty(), "somebody waits for nobody");
            }
            drop((outside, inside));
            prop_assert_eq!(gate.state().free, room);
        }

        /// Each step: someone comes, someone leaves, someone who waits gives up (perhaps just after being let in).
        #[test]
        fn no_place_is_lost_or_given_twice(
            room in 1_usize..4, steps in prop::collection::vec((0_u8..4, 0_usize..8), 0..60),
        ) {
            let gate = Gate::new(room);
            let (mut inside, mut outside): (Vec<Pass>, Vec<Entering<'_>>) = (Vec::new(), Vec::new());
            for (step, which) in steps {
                match step {
                    0 => {
                        let mut new: Entering<'_> = Box::pin(gate.enter(["a", "b", "c"][which % 3]));
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
