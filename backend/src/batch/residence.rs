//! Which models the devices hold, and from when on another may take their place.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

/// A model that made others go stays for so many times what it takes to load one of them again. So where models that do
/// not fit together always have jobs, at most one part in `STAYS + 1` of the device's time is spent on loading.
const STAYS: u32 = 4;
/// However long loading takes, nobody waits longer than that for a place.
const LONGEST: Duration = Duration::from_secs(60);

/// What is known of the places that models take on devices. Pure: time is an argument.
///
/// Where all models fit, or one has not been loaded yet, nobody waits for anybody.
#[derive(Debug, Default)]
pub struct Residence {
    devices: BTreeMap<String, Held>,
    seen: BTreeMap<String, Seen>,
    /// When a model that made others go was loaded last.
    switched: Option<Instant>,
}

#[derive(Debug, Default)]
struct Held {
    models: BTreeSet<String>,
    bytes: u64,
    /// The most bytes, where that is known.
    budget: Option<u64>,
    /// Somebody went since the last one came.
    made_room: bool,
}

/// What the last load of a model showed.
#[derive(Debug, Clone, Copy)]
struct Seen {
    bytes: u64,
    took: Duration,
}

/// A model came onto a device.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// `name@version`
    pub model: &'a str,
    /// What it takes there.
    pub bytes: u64,
    /// How long loading took.
    pub took: Duration,
    /// The most bytes that the device's models may take together, where that is known.
    pub budget: Option<u64>,
}

impl Residence {
    /// A model was loaded.
    pub fn loaded(&mut self, device: &str, arrival: Arrival<'_>, now: Instant) {
        let Arrival { model, bytes, took, budget } = arrival;
        self.seen.insert(model.to_owned(), Seen { bytes, took });
        let held = self.devices.entry(device.to_owned()).or_default();
        if held.models.insert(model.to_owned()) {
            held.bytes = held.bytes.saturating_add(bytes);
        }
        held.budget = budget;
        if std::mem::take(&mut held.made_room) {
            self.switched = Some(now);
        }
    }

    /// A model made room.
    pub fn unloaded(&mut self, device: &str, model: &str) {
        let Some(held) = self.devices.get_mut(device) else { return };
        if held.models.remove(model) {
            held.bytes = held.bytes.saturating_sub(self.seen.get(model).map_or(0, |seen| seen.bytes));
            held.made_room = true;
        }
    }

    /// How long it takes to bring the model to a device, if others must go for it; `None` for one that is there, fits
    /// beside the others, or was never loaded.
    pub fn takes_place(&self, model: &str) -> Option<Duration> {
        let Seen { bytes, took } = *self.seen.get(model)?;
        let is_free = |held: &Held| held.models.contains(model) || held.has_room(bytes);
        (!self.devices.values().any(is_free)).then_some(took)
    }

    /// From when on the model may make others go. They stay for some time after they came, so that loading is worth it;
    /// or, where they have run nothing since `ran`, for as long as loading the model takes: who comes back as late as
    /// that has to wait no longer than who waits already.
    pub fn not_before(&self, model: &str, ran: Option<Instant>) -> Option<Instant> {
        let took = self.takes_place(model)?;
        let switched = self.switched?;
        let stays = switched + took.saturating_mul(STAYS).min(LONGEST);
        let idle = ran.map_or(switched, |ran| ran.max(switched)) + took.min(LONGEST);
        Some(stays.min(idle))
    }
}

impl Held {
    /// Without a budget it is known by trying: who made room before would have to do so again.
    fn has_room(&self, bytes: u64) -> bool {
        self.budget.is_some_and(|budget| self.bytes.saturating_add(bytes) <= budget)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arrival(model: &str, bytes: u64, took_ms: u64) -> Arrival<'_> {
        Arrival { model, bytes, took: Duration::from_millis(took_ms), budget: Some(100) }
    }

    #[test]
    fn models_that_fit_together_never_wait_for_one_another() {
        let (mut held, now) = (Residence::default(), Instant::now());
        for model in ["a", "b", "c"] {
            assert_eq!(held.not_before(model, None), None, "never loaded");
            held.loaded("cpu", arrival(model, 30, 100), now);
            assert_eq!(held.not_before(model, None), None);
        }
        held.unloaded("cpu", "b");
        assert_eq!(held.not_before("b", Some(now)), None, "there is room for it");
    }

    #[test]
    fn who_made_others_go_stays_until_loading_was_worth_it() {
        let (mut held, start) = (Residence::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        held.loaded("cpu", arrival("a", 60, 100), start);
        held.unloaded("cpu", "a");
        held.loaded("cpu", arrival("b", 60, 500), at(1000));
        assert_eq!(held.not_before("b", Some(at(1000))), None);
        for (ran_ms, expect_ms) in [(1000, 1100), (1150, 1250), (1299, 1399), (1350, 1400), (9000, 1400)] {
            assert_eq!(held.not_before("a", Some(at(ran_ms))), Some(at(expect_ms)), "{ran_ms}");
        }
        assert_eq!(held.not_before("a", None), Some(at(1100)));
        held.unloaded("cpu", "b");
        held.loaded("cpu", arrival("a", 60, 100), at(1500));
        assert_eq!(held.not_before("b", Some(at(9000))), Some(at(3500)), "by its own time to load");
    }

    #[test]
    fn nobody_waits_longer_than_a_minute_for_a_place() {
        let (mut held, start) = (Residence::default(), Instant::now());
        held.loaded("cpu", arrival("a", 60, 3_600_000), start);
        held.unloaded("cpu", "a");
        held.loaded("cpu", arrival("b", 60, 1), start);
        let busy = Some(start + Duration::from_secs(9000));
        assert_eq!(held.not_before("a", busy), Some(start + LONGEST));
    }

    #[test]
    fn one_device_that_holds_it_is_enough() {
        let (mut held, now) = (Residence::default(), Instant::now());
        held.loaded("cuda:0", arrival("a", 60, 100), now);
        held.loaded("cuda:1", arrival("b", 60, 100), now);
        assert_eq!([held.not_before("a", None), held.not_before("b", None)], [None; 2]);
    }

    #[test]
    fn without_a_budget_who_made_room_has_none() {
        let (mut held, now) = (Residence::default(), Instant::now());
        let without = |model| Arrival { budget: None, ..arrival(model, 1, 100) };
        held.loaded("cpu", without("a"), now);
        held.unloaded("cpu", "a");
        held.loaded("cpu", without("b"), now);
        assert!(held.not_before("a", None).is_some());
    }

    proptest! {
        /// Two models that do not fit together always have jobs, and each batch takes some time: of the device's time no
        /// more than a fifth is spent on loading, and between two turns of a model lies a bounded time.
        #[test]
        fn loading_takes_a_fifth_of_the_time_at_most(
            took in (1_u64..3000, 1_u64..3000),
            batch_ms in 1_u64..2000,
        ) {
            let (mut held, start) = (Residence::default(), Instant::now());
            let models = [("a", took.0), ("b", took.1)];
            let (mut now_ms, mut loading_ms, mut current, mut since_ms) = (0, 0, 0, 0);
            held.loaded("cpu", arrival("a", 60, took.0), start);
            // The first load of either is not part of the steady state.
            held.unloaded("cpu", "a");
            held.loaded("cpu", arrival("b", 60, took.1), start);
            current += 1;
            for _ in 0..2000 {
                let (other, took_ms) = models[1 - current];
                let now = start + Duration::from_millis(now_ms);
                if held.not_before(other, Some(now)).is_some_and(|at| at <= now) {
                    now_ms += took_ms;
                    loading_ms += took_ms;
                    held.unloaded("cpu", models[current].0);
                    held.loaded("cpu", arrival(other, 60, took_ms), start + Duration::from_millis(now_ms));
                    current = 1 - current;
                    since_ms = now_ms;
                }
                now_ms += batch_ms;
                prop_assert!(now_ms - since_ms <= 4 * took.0.max(took.1) + 2 * batch_ms);
            }
            // The last turn may have begun just now.
            let share = (loading_ms.saturating_sub(took.0 + took.1)) as f64 / now_ms as f64;
            prop_assert!(share <= 0.2, "{share}");
        }
    }
}
