//! Which models the devices hold, and from when on another may take their place.

use std::{collections::BTreeMap, time::Duration};

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
    /// When a model last went, or one that made others go was loaded.
    switched: Option<Instant>,
}

#[derive(Debug, Default)]
struct Held {
    /// The models that are there, and the bytes that each takes.
    models: BTreeMap<String, u64>,
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

/// Where a model is, as one device sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residency {
    /// On this device; or it fits beside what is there; or nobody knows yet whether it does.
    Here,
    /// On another device, and here others would have to go for it. Loading it takes so long.
    Elsewhere(Duration),
    /// No device has it.
    Nowhere,
}

/// A model comes onto a device.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// `name@version`
    pub model: &'a str,
    /// What it takes there.
    pub bytes: u64,
    /// Who goes for it.
    pub gone: &'a [String],
    /// The most bytes that the device's models may take together, where that is known.
    pub budget: Option<u64>,
}

impl Residence {
    /// A model begins to be loaded: from now on it has its place, and others do not.
    pub fn arrives(&mut self, device: &str, arrival: Arrival<'_>, now: Instant) {
        let Arrival { model, bytes, gone, budget } = arrival;
        gone.iter().for_each(|gone| self.leaves(device, gone, now));
        let held = self.devices.entry(device.to_owned()).or_default();
        held.models.insert(model.to_owned(), bytes);
        held.budget = budget;
    }

    /// A model is loaded onto a device, which took so long.
    pub fn loaded(&mut self, device: &str, model: &str, took: Duration, now: Instant) {
        let Some(held) = self.devices.get_mut(device) else { return };
        let bytes = held.models.get(model).copied().unwrap_or(0);
        self.seen.insert(model.to_owned(), Seen { bytes, took });
        if std::mem::take(&mut held.made_room) {
            self.switched = Some(now);
        }
    }

    /// It made room, or was not loaded after all.
    pub fn leaves(&mut self, device: &str, model: &str, now: Instant) {
        if let Some(held) = self.devices.get_mut(device)
            && held.models.remove(model).is_some()
        {
            held.made_room = true;
            self.switched = Some(now);
        }
    }

    /// How long it takes to bring the model to a device, if others must go for it; `None` for one that is there, fits
    /// beside the others, or was never loaded.
    pub fn takes_place(&self, model: &str) -> Option<Duration> {
        let Seen { bytes, took } = *self.seen.get(model)?;
        let is_free = |held: &Held| held.models.contains_key(model) || held.has_room(bytes);
        (!self.devices.values().any(is_free)).then_some(took)
    }

    /// Where the model is, seen from a device.
    pub fn residency(&self, device: &str, model: &str) -> Residency {
        let Some(Seen { bytes, took }) = self.seen.get(model).copied() else { return Residency::Here };
        let is_there = |held: &Held| held.models.contains_key(model);
        match self.devices.get(device) {
            Some(held) if is_there(held) || held.has_room(bytes) => Residency::Here,
            _ if self.devices.values().any(is_there) => Residency::Elsewhere(took.min(LONGEST)),
            _ => Residency::Nowhere,
        }
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
        let sum = self.models.values().fold(bytes, |sum, held| sum.saturating_add(*held));
        self.budget.is_some_and(|budget| sum <= budget)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUDGET: Option<u64> = Some(100);

    /// Loads a model of so many bytes, for which `gone` goes, from `at_ms` on.
    fn load(held: &mut Residence, (model, bytes): (&str, u64), gone: Option<&str>, times: (Instant, u64)) {
        let (at, took) = (times.0, Duration::from_millis(times.1));
        let gone: Vec<String> = gone.into_iter().map(str::to_owned).collect();
        held.arrives("cpu", Arrival { model, bytes, gone: &gone, budget: BUDGET }, at);
        held.loaded("cpu", model, took, at + took);
    }

    #[test]
    fn models_that_fit_together_never_wait_for_one_another() {
        let (mut held, now) = (Residence::default(), Instant::now());
        for model in ["a", "b", "c"] {
            assert_eq!(held.not_before(model, None), None, "never loaded");
            load(&mut held, (model, 30), None, (now, 100));
            assert_eq!(held.not_before(model, None), None);
        }
        held.leaves("cpu", "b", now);
        assert_eq!(held.not_before("b", Some(now)), None, "there is room for it");
    }

    #[test]
    fn who_made_others_go_stays_until_loading_was_worth_it() {
        let (mut held, start) = (Residence::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        load(&mut held, ("a", 60), None, (start, 100));
        load(&mut held, ("b", 60), Some("a"), (at(500), 500));
        assert_eq!(held.not_before("b", Some(at(1000))), None);
        for (ran_ms, expect_ms) in [(1000, 1100), (1150, 1250), (1299, 1399), (1350, 1400), (9000, 1400)] {
            assert_eq!(held.not_before("a", Some(at(ran_ms))), Some(at(expect_ms)), "{ran_ms}");
        }
        assert_eq!(held.not_before("a", None), Some(at(1100)));
        load(&mut held, ("a", 60), Some("b"), (at(1400), 100));
        assert_eq!(held.not_before("b", Some(at(9000))), Some(at(3500)), "by its own time to load");
    }

    #[test]
    fn a_place_is_taken_from_when_loading_begins() {
        let (mut held, start) = (Residence::default(), Instant::now());
        load(&mut held, ("a", 60), None, (start, 100));
        load(&mut held, ("b", 60), Some("a"), (start, 100));
        let gone = ["b".to_owned()];
        held.arrives("cpu", Arrival { model: "a", bytes: 60, gone: &gone, budget: BUDGET }, start);
        assert_eq!(held.not_before("a", Some(start)), None);
        assert_eq!(
            held.not_before("b", Some(start)),
            Some(start + Duration::from_millis(100)),
            "though nobody is there"
        );
        held.leaves("cpu", "a", start);
        assert_eq!(held.not_before("b", Some(start)), None, "a was not loaded after all");
    }

    #[test]
    fn nobody_waits_longer_than_a_minute_for_a_place() {
        let (mut held, start) = (Residence::default(), Instant::now());
        load(&mut held, ("a", 60), None, (start, 3_600_000));
        load(&mut held, ("b", 60), Some("a"), (start, 0));
        let busy = Some(start + Duration::from_secs(9000));
        assert_eq!(held.not_before("a", busy), Some(start + LONGEST));
    }

    #[test]
    fn one_device_that_holds_it_is_enough() {
        let (mut held, now) = (Residence::default(), Instant::now());
        for (device, model) in [("cuda:0", "a"), ("cuda:1", "b")] {
            held.arrives(device, Arrival { model, bytes: 60, gone: &[], budget: BUDGET }, now);
            held.loaded(device, model, Duration::from_secs(1), now);
        }
        assert_eq!([held.not_before("a", None), held.not_before("b", None)], [None; 2]);
        let away = Residency::Elsewhere(Duration::from_secs(1));
        let seen = ["a", "b", "new"].map(|model| held.residency("cuda:0", model));
        assert_eq!(seen, [Residency::Here, away, Residency::Here]);
        assert_eq!(held.residency("cuda:1", "a"), away);
        held.leaves("cuda:0", "a", now);
        assert_eq!(held.residency("cuda:1", "a"), Residency::Nowhere);
        assert_eq!(held.residency("cuda:0", "b"), Residency::Here, "there is room now");
    }

    #[test]
    fn without_a_budget_who_made_room_has_none() {
        let (mut held, now) = (Residence::default(), Instant::now());
        let without = |model| Arrival { model, bytes: 1, gone: &[], budget: None };
        held.arrives("cpu", without("a"), now);
        held.loaded("cpu", "a", Duration::from_secs(1), now);
        held.arrives("cpu", without("b"), now);
        held.leaves("cpu", "a", now);
        held.loaded("cpu", "b", Duration::from_secs(1), now);
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
            let at = |ms: u64| start + Duration::from_millis(ms);
            let models = [("a", took.0), ("b", took.1)];
            // The first load of either is not part of the steady state.
            load(&mut held, ("a", 60), None, (start, took.0));
            load(&mut held, ("b", 60), Some("a"), (at(took.0), took.1));
            let begin_ms = took.0 + took.1;
            let (mut now_ms, mut loading_ms, mut current, mut since_ms) = (begin_ms, 0, 1, begin_ms);
            for _ in 0..2000 {
                let (other, took_ms) = models[1 - current];
                if held.not_before(other, Some(at(now_ms))).is_some_and(|time| time <= at(now_ms)) {
                    load(&mut held, (other, 60), Some(models[current].0), (at(now_ms), took_ms));
                    now_ms += took_ms;
                    loading_ms += took_ms;
                    current = 1 - current;
                    since_ms = now_ms;
                }
                now_ms += batch_ms;
                prop_assert!(now_ms - since_ms <= 4 * took.0.max(took.1) + 2 * batch_ms);
            }
            // The last turn may have begun just now.
            let share = loading_ms.saturating_sub(took.0 + took.1) as f64 / (now_ms - begin_ms) as f64;
            prop_assert!(share <= 0.2, "{share}");
        }
    }
}
