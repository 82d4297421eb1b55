//! A worker that cannot run what it receives receives less, so that others get it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use forebay_contract::Lane;

/// So long a lane is left alone at most: then one message shows whether anything has changed.
const LONGEST: Duration = Duration::from_secs(30);
/// What one more inability counts among the last ones.
const WEIGHT: f64 = 1.0 / 8.0;
/// The part of a lane's jobs that a worker may be unable to run before it receives less.
const TOLERATED: f64 = 0.5;

/// How much of what one lane brought of late this worker was unable to run. Pure.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Restraint {
    /// From 0 to 1.
    unable: f64,
}

impl Restraint {
    fn was_unable(&mut self) {
        self.unable += (1.0 - self.unable) * WEIGHT;
    }

    /// One that ran shows more than one that did not: what was away is back.
    fn ran(&mut self) {
        self.unable /= 2.0;
    }

    /// How long to leave the lane alone after a message.
    fn pause(self) -> Duration {
        let over = (self.unable - TOLERATED).max(0.0) / (1.0 - TOLERATED);
        LONGEST.mul_f64(over * over)
    }
}

/// The lanes' restraints: the last stage says how jobs ended, the first one asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Restraints {
    lanes: Arc<Mutex<BTreeMap<Lane, Restraint>>>,
}

impl Restraints {
    /// A job of the lane was handed back because this worker cannot run it.
    pub(crate) fn was_unable(&self, lane: Lane) {
        self.lanes().entry(lane).or_default().was_unable();
    }

    /// A job of the lane came to its end here.
    pub(crate) fn ran(&self, lane: Lane) {
        self.lanes().entry(lane).or_default().ran();
    }

    /// How long to leave the lane alone after each message; none where all is well.
    pub(crate) fn pause(&self, lane: Lane) -> Duration {
        self.lanes().get(&lane).map_or(Duration::ZERO, |restraint| restraint.pause())
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<Lane, Restraint>> {
        // Nothing panics under this lock.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_can_run_nothing_leaves_the_lane_alone_and_comes_back_quickly() {
        let mut restraint = Restraint::default();
        (0..5).for_each(|_| restraint.was_unable());
        assert_eq!(restraint.pause(), Duration::ZERO, "a few are no reason");
        (0..60).for_each(|_| restraint.was_unable());
        assert!(restraint.pause() > LONGEST.mul_f64(0.99), "{restraint:?}");
        restraint.ran();
        assert_eq!(restraint.pause(), Duration::ZERO, "one that ran is reason to go on");
    }

    proptest! {
        #[test]
        fn one_model_of_several_that_is_away_holds_up_nobody(
            start in 0.0_f64..0.5, stories in prop::collection::vec(1_usize..3, 1..200),
        ) {
            let mut restraint = Restraint { unable: start };
            // One or two in three.
            for unable in stories {
                (0..unable).for_each(|_| restraint.was_unable());
                restraint.ran();
                prop_assert_eq!(restraint.pause(), Duration::ZERO);
            }
        }

        #[test]
        fn pauses_are_bounded(stories in prop::collection::vec(any::<bool>(), 0..300)) {
            let mut restraint = Restraint::default();
            for ran in stories {
                if ran { restraint.ran() } else { restraint.was_unable() }
                prop_assert!(restraint.pause() <= LONGEST);
            }
        }
    }
}
