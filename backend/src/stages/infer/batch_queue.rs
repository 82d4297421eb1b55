//! The batches that wait for a device. Each goes to a device that has its model, where loading it elsewhere would make
//! another model go.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{self, Notify, mpsc},
    time::{Instant, sleep_until},
};

use crate::{batch::Residency, stages::job::Batched};

/// Batches in the order in which they came; every device takes from it.
pub(super) struct BatchQueue {
    coming: sync::Mutex<mpsc::Receiver<Batched>>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Each with the time at which it came.
    waiting: VecDeque<(Instant, Batched)>,
    closed: bool,
}

/// What a device is to do. Pure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Take(usize),
    /// Nothing is for this device before then.
    Wait(Option<Instant>),
}

impl BatchQueue {
    pub(super) fn new(coming: mpsc::Receiver<Batched>) -> Self {
        Self { coming: sync::Mutex::new(coming), state: Mutex::default(), changed: Notify::new() }
    }

    /// The next batch for a device that is idle since then; `None` when no more come.
    pub(super) async fn next(&self, idle_since: Instant, residency: impl Fn(&str) -> Residency) -> Option<Batched> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let wake = match self.look(idle_since, &residency) {
                Ok(batch) => return batch,
                Err(wake) => wake,
            };
            let woken = async {
                match wake {
                    Some(wake) => sleep_until(wake).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                received = async { self.coming.lock().await.recv().await } => self.came(received),
                () = changed => {}
                () = woken => {}
            }
        }
    }

    fn came(&self, received: Option<Batched>) {
        let mut state = self.state();
        match received {
            Some(batch) => state.waiting.push_back((Instant::now(), batch)),
            None => state.closed = true,
        }
        drop(state);
        // It may be for another device than the one that received it.
        self.changed.notify_waiters();
    }

    /// A batch, or that there will be none; else when to look again.
    fn look(
        &self,
        idle_since: Instant,
        residency: &impl Fn(&str) -> Residency,
    ) -> Result<Option<Batched>, Option<Instant>> {
        let mut state = self.state();
        if state.closed {
            return Ok(state.waiting.pop_front().map(|(_, batch)| batch));
        }
        let waiting = state.waiting.iter().map(|(came, batch)| (*came, residency(&batch.model.id)));
        match choose(waiting, idle_since, Instant::now()) {
            Choice::Take(at) => Ok(state.waiting.remove(at).map(|(_, batch)| batch)),
            Choice::Wait(wake) => Err(wake),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first batch whose model is here or nowhere. One whose model another device has is left to that device, until this
/// one was idle beside it for as long as loading takes: so long may waiting cost as much as loading does.
fn choose(waiting: impl Iterator<Item = (Instant, Residency)>, idle_since: Instant, now: Instant) -> Choice {
    let mut soonest: Option<(Instant, usize)> = None;
    let mut nowhere = None;
    for (at, (came, residency)) in waiting.enumerate() {
        match residency {
            Residency::Here => return Choice::Take(at),
            Residency::Nowhere => nowhere = nowhere.or(Some(at)),
            Residency::Elsewhere(took) => {
                let take_at = came.max(idle_since).checked_add(took).unwrap_or(came);
                if soonest.is_none_or(|(soonest, _)| take_at < soonest) {
                    soonest = Some((take_at, at));
                }
            }
        }
    }
    match (nowhere, soonest) {
        (Some(at), _) => Choice::Take(at),
        (None, Some((take_at, at))) if take_at <= now => Choice::Take(at),
        (None, soonest) => Choice::Wait(soonest.map(|(take_at, _)| take_at)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Choice::*, *};
    use crate::batch::Residency::{Elsewhere, Here, Nowhere};

    #[test]
    fn a_batch_waits_for_the_device_that_has_its_model_while_that_is_worth_it() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let away = Elsewhere(Duration::from_millis(100));
        for (waiting, idle_since, now, expect) in [
            (&[][..], 0, 50, Wait(None)),
            (&[(10, Here), (10, Here)], 0, 50, Take(0)),
            (&[(10, away), (20, Here)], 0, 50, Take(1)),
            (&[(10, Nowhere), (20, Here)], 0, 50, Take(1)),
            (&[(10, away), (20, Nowhere)], 0, 50, Take(1)),
            (&[(10, away), (20, away)], 0, 50, Wait(Some(at(110)))),
            (&[(10, away)], 40, 50, Wait(Some(at(140)))),
            (&[(10, away)], 40, 140, Take(0)),
        ] {
            let offered = waiting.iter().map(|(came, residency)| (at(*came), *residency));
            assert_eq!(choose(offered, at(idle_since), at(now)), expect, "{waiting:?} {idle_since} {now}");
        }
    }
}
