//! How much work a worker holds at once, and whose: shared by all lanes while there is enough, by their weights when it
//! is scarce.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use forebay_contract::Lane;
use tokio::sync::Notify;

use crate::{batch::LaneWeights, vitals::Vitals};

/// So much predicted work of the device is held at most: more would wait here that another worker could begin.
const HORIZON: Duration = Duration::from_secs(5);

/// Places for messages. A message takes one, and more if it is much work.
#[derive(Clone)]
pub(super) struct Room {
    shared: Arc<Shared>,
}

struct Shared {
    places: usize,
    weights: LaneWeights,
    held: Mutex<BTreeMap<Lane, usize>>,
    /// Wakes lanes that wait for room.
    freed: Notify,
    vitals: Arc<Vitals>,
}

/// The places that one message takes, until it is dropped.
pub(crate) struct Reservation {
    lane: Lane,
    places: usize,
    shared: Arc<Shared>,
}

impl Room {
    /// Room for `places` messages.
    pub(super) fn new(places: usize, weights: LaneWeights, vitals: Arc<Vitals>) -> Self {
        vitals.metrics.room_size(places.max(1));
        let (places, held, freed) = (places.max(1), Mutex::default(), Notify::new());
        let shared = Shared { places, weights, held, freed, vitals };
        Self { shared: Arc::new(shared) }
    }

    /// Waits until the lane may hold more; how many places more.
    pub(super) async fn wait(&self, lane: Lane) -> usize {
        loop {
            // The wake-up is enabled before looking, or what is freed in between would be slept through.
            let mut freed = std::pin::pin!(self.shared.freed.notified());
            freed.as_mut().enable();
            match self.free(lane) {
                0 => freed.await,
                free => return free,
            }
        }
    }

    /// How many places more the lane may hold now.
    pub(super) fn free(&self, lane: Lane) -> usize {
        free(&self.shared.held(), lane, self.shared.places, &self.shared.weights)
    }

    /// How many places a message of `cost_ms` predicted work takes: as many as its part of the horizon, at least one.
    pub(super) fn places(&self, cost_ms: f64) -> usize {
        let horizon_ms = HORIZON.as_secs_f64() * 1000.0;
        // Saturates; NaN is 0.
        ((cost_ms * self.shared.places as f64 / horizon_ms).ceil() as usize).clamp(1, self.shared.places)
    }

    /// Takes places, whether they are free or not: the message is here by now.
    pub(super) fn take(&self, lane: Lane, places: usize) -> Reservation {
        self.shared.change(lane, |held| held + places);
        Reservation { lane, places, shared: Arc::clone(&self.shared) }
    }
}

/// A lane may fill what nobody holds; when nothing is left, up to its share by weight, so that no lane that stands still
/// keeps another from being received.
fn free(held: &BTreeMap<Lane, usize>, lane: Lane, places: usize, weights: &LaneWeights) -> usize {
    let common = places.saturating_sub(held.values().sum());
    let own = share(lane, places, weights).saturating_sub(held.get(&lane).copied().unwrap_or(0));
    common.max(own)
}

fn share(lane: Lane, places: usize, weights: &LaneWeights) -> usize {
    let share = (places as u64).saturating_mul(weights.of(lane)) / weights.total();
    usize::try_from(share).unwrap_or(places).max(1)
}

impl Shared {
    fn change(&self, lane: Lane, to: impl FnOnce(usize) -> usize) {
        let mut held = self.held();
        let now = held.entry(lane).or_default();
        *now = to(*now);
        self.vitals.metrics.room_taken(lane, *now);
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Lane, usize>> {
        // Nothing panics under this lock.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// Leaves its places to others until the answer is dropped: the message waits for something that holds up no other.
    pub(super) fn park(&self) -> Parked<'_> {
        self.leave();
        Parked(self)
    }

    fn leave(&self) {
        self.shared.change(self.lane, |held| held.saturating_sub(self.places));
        self.shared.freed.notify_waiters();
    }
}

/// Takes the places again when it is dropped, whether they are free or not.
pub(super) struct Parked<'a>(&'a Reservation);

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.0.shared.change(self.0.lane, |held| held + self.0.places);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::*;
    use crate::batch::example::{shipped_weights, weights};

    fn room(places: usize) -> Room {
        Room::new(places, shipped_weights(), Arc::default())
    }

    #[test]
    fn one_lane_alone_may_fill_the_room() {
        let room = room(64);
        let reservations: Vec<Reservation> = (0..64).map(|_| room.take(Lane::FREE_HEAVY, 1)).collect();
        assert_eq!(room.free(Lane::FREE_HEAVY), 0);
        assert!(room.wait(Lane::FREE_HEAVY).now_or_never().is_none());
        assert_eq!(Lane::SHIPPED.map(|lane| room.free(lane)), [34, 17, 8, 0], "the others still have their shares");
        drop(reservations);
        assert_eq!(room.free(Lane::FREE_HEAVY), 64);
    }

    #[test]
    fn metrics_say_how_full_it_is() {
        let vitals = Arc::<Vitals>::default();
        let room = Room::new(10, shipped_weights(), Arc::clone(&vitals));
        let (_kept, freed) = (room.take(Lane::FREE_HEAVY, 4), room.take(Lane::FREE_HEAVY, 3));
        drop(freed);
        let page = vitals.metrics.encode();
        assert!(page.contains("room_places{lane=\"free-heavy\"} 4"), "{page}");
        assert!(page.contains("room_size 10"), "{page}");
    }

    #[test]
    fn who_is_parked_takes_no_room_until_it_goes_on() {
        let room = room(10);
        let reservation = room.take(Lane::FREE_HEAVY, 10);
        assert_eq!(room.free(Lane::FREE_HEAVY), 0);
        let parked = reservation.park();
        assert_eq!(room.free(Lane::FREE_HEAVY), 10);
        drop(parked);
        assert_eq!(room.free(Lane::FREE_HEAVY), 0);
        drop(reservation);
        assert_eq!(room.free(Lane::FREE_HEAVY), 10);
    }

    #[test]
    fn much_work_takes_many_places() {
        let room = room(100);
        for (cost_ms, places) in [(0.0, 1), (50.0, 1), (51.0, 2), (1000.0, 20), (1e300, 100), (-1.0, 1), (f64::NAN, 1)]
        {
            assert_eq!(room.places(cost_ms), places, "{cost_ms}");
        }
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_what_is_freed() {
        let room = room(1);
        let reservation = room.take(Lane::PAID_LIGHT, 1);
        let waiting = tokio::spawn({
            let room = room.clone();
            async move { room.wait(Lane::PAID_LIGHT).await }
        });
        tokio::task::yield_now().await;
        drop(reservation);
        assert_eq!(tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap(), 1);
    }

    proptest! {
        /// Lanes poll at will, up to ten places at a time, and jobs end at will.
        #[test]
        fn what_is_held_is_bounded_and_every_lane_always_gets_its_share(
            places in 1_usize..300,
            weights in weights(),
            steps in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), 1_usize..11), 0..300),
        ) {
            let lanes: Vec<Lane> = weights.lanes().collect();
            let mut held: BTreeMap<Lane, usize> = BTreeMap::new();
            for (lane, polls, count) in steps {
                let lane = *lane.get(&lanes);
                let before = held.get(&lane).copied().unwrap_or(0);
                let more = count.min(free(&held, lane, places, &weights));
                held.insert(lane, if polls { before + more } else { before.saturating_sub(count) });
                prop_assert!(held.values().sum::<usize>() <= 2 * places + lanes.len());
                for lane in &lanes {
                    let own = held.get(lane).copied().unwrap_or(0);
                    prop_assert!(own + free(&held, *lane, places, &weights) >= share(*lane, places, &weights));
                }
            }
        }

        /// All lanes have more than enough and are polled in any order, and one of them held the whole room: soon each
        /// holds its weight's part.
        #[test]
        fn when_room_is_scarce_the_weights_decide(
            (weights, order) in weights().prop_flat_map(|weights| {
                let lanes: Vec<Lane> = weights.lanes().collect();
                (Just(weights), Just(lanes).prop_shuffle())
            }),
            hog in any::<prop::sample::Index>(),
        ) {
            let mut held = BTreeMap::from([(*hog.get(&order), 150)]);
            for _ in 0..40 {
                for lane in &order {
                    let more = free(&held, *lane, 150, &weights).min(20);
                    *held.entry(*lane).or_default() += more;
                }
                // One in ten ends.
                held.values_mut().for_each(|held| *held -= held.div_ceil(10));
            }
            prop_assert!(order.iter().all(|lane| held[lane] * 10 >= (share(*lane, 150, &weights) - 1) * 8), "{held:?}");
        }
    }
}
