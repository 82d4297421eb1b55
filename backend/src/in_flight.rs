use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use forebay_contract::Digest;
use tokio::sync::{Mutex as TurnMutex, OwnedMutexGuard};

/// The digests this worker is running: two messages of one digest run one after the other, so that the second finds
/// the first one's result.
#[derive(Clone, Default)]
pub(crate) struct InFlight {
    turns: Arc<Mutex<HashMap<Digest, Arc<TurnMutex<()>>>>>,
}

/// The right to run one digest, until it is dropped.
pub(crate) struct Turn {
    digest: Digest,
    turns: InFlight,
    guard: Option<OwnedMutexGuard<()>>,
}

impl InFlight {
    /// Waits until nobody else here runs `digest`.
    pub(crate) async fn enter(&self, digest: Digest) -> Turn {
        let turn = Arc::clone(self.turns().entry(digest).or_default());
        // The turn is made before waiting: dropped while it waits, it tidies up all the same.
        let mut entered = Turn { digest, turns: self.clone(), guard: None };
        entered.guard = Some(turn.lock_owned().await);
        entered
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<Digest, Arc<TurnMutex<()>>>> {
        // Nothing panics under this lock.
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard.take();
        let mut turns = self.turns.turns();
        // One count is the map's own: nobody waits.
        if turns.get(&self.digest).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            turns.remove(&self.digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use forebay_contract::{Input, Namespace, Parameters};
    use futures_util::FutureExt as _;

    use super::*;

    fn digest(model: &str) -> Digest {
        Digest::new(Namespace::Shared, model, "1", &Parameters::new(), &Input::empty())
    }

    #[tokio::test]
    async fn one_digest_runs_once_at_a_time_and_leaves_nothing_behind() {
        let in_flight = InFlight::default();
        let first = in_flight.enter(digest("m")).await;
        assert!(in_flight.enter(digest("n")).now_or_never().is_some(), "others are not held up");
        let mut second = Box::pin(in_flight.enter(digest("m")));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        drop(second.await);
        assert!(in_flight.turns().is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing_behind() {
        let in_flight = InFlight::default();
        let first = in_flight.enter(digest("m")).await;
        assert!(in_flight.enter(digest("m")).now_or_never().is_none());
        drop(first);
        assert!(in_flight.turns().is_empty());
    }
}
