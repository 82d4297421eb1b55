use std::sync::{Mutex, MutexGuard, PoisonError};

/// After so many full batches without trouble the limit is raised by one step.
const PATIENCE: u32 = 16;
/// Each raise that was too much doubles the patience, up to this.
const LONGEST_PATIENCE: u32 = 2048;

/// How many rows of a model may run at once: halved when the device runs out of memory, raised by an eighth now and
/// then while it does not. Pure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowLimit {
    most: usize,
    now: usize,
    /// Full batches since the last change.
    good: u32,
    patience: u32,
    /// The last change was a raise.
    raised: bool,
}

impl RowLimit {
    /// Begins at `most`, which is never exceeded.
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { most, now: most, good: 0, patience: PATIENCE, raised: false }
    }

    /// The most rows of one batch, at least 1.
    pub fn now(&self) -> usize {
        self.now
    }

    /// A batch of `rows` was too much for the device.
    pub fn too_many(&mut self, rows: usize) {
        if rows > self.now {
            // Formed before the limit was lowered: it says nothing about what holds now.
            return;
        }
        if self.raised {
            self.patience = self.patience.saturating_mul(2).min(LONGEST_PATIENCE);
        }
        (self.now, self.good, self.raised) = ((rows / 2).max(1), 0, false);
    }

    /// A batch of `rows` ran. Only full ones show that there is room.
    pub fn ran(&mut self, rows: usize) {
        if self.now == self.most || rows < self.now {
            return;
        }
        self.good += 1;
        if self.good >= self.patience {
            (self.now, self.good, self.raised) = ((self.now + (self.now / 8).max(1)).min(self.most), 0, true);
        }
    }
}

/// A model's [`RowLimit`], shared by the planner, who asks, and the devices, who answer.
#[derive(Debug)]
pub struct Capacity {
    limit: Mutex<RowLimit>,
}

impl Capacity {
    /// Begins at `most` rows.
    pub fn new(most: usize) -> Self {
        Self { limit: Mutex::new(RowLimit::new(most)) }
    }

    /// The most rows of one batch at the moment.
    pub fn rows(&self) -> usize {
        self.limit().now()
    }

    /// A batch of `rows` was too much; the new limit.
    pub fn too_many(&self, rows: usize) -> usize {
        let mut limit = self.limit();
        limit.too_many(rows);
        limit.now()
    }

    /// A batch of `rows` ran.
    pub fn ran(&self, rows: usize) {
        self.limit().ran(rows);
    }

    fn limit(&self) -> MutexGuard<'_, RowLimit> {
        // Nothing panics under this lock.
        self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halved_at_once_and_raised_slowly() {
        let mut limit = RowLimit::new(64);
        limit.too_many(64);
        assert_eq!(limit.now(), 32);
        limit.too_many(64);
        assert_eq!(limit.now(), 32, "a batch of before changes nothing");
        for _ in 0..1000 {
            limit.ran(31);
        }
        assert_eq!(limit.now(), 32, "what was not full shows nothing");
        for _ in 0..PATIENCE {
            assert_eq!(limit.now(), 32);
            limit.ran(32);
        }
        assert_eq!(limit.now(), 36);
        for _ in 0..PATIENCE * 64 {
            limit.ran(limit.now());
        }
        assert_eq!(limit.now(), 64);
    }

    #[test]
    fn one_row_is_never_forbidden() {
        let mut limit = RowLimit::new(1);
        limit.too_many(1);
        assert_eq!((limit.now(), RowLimit::new(0).now()), (1, 1));
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(
            most in 1_usize..5000,
            story in prop::collection::vec((any::<bool>(), 1_usize..5000), 0..300),
        ) {
            let mut limit = RowLimit::new(most);
            for (ran, rows) in story {
                let before = limit.now();
                if ran { limit.ran(rows) } else { limit.too_many(rows) }
                prop_assert!((1..=most).contains(&limit.now()));
                let only_so = if ran { limit.now() >= before } else { limit.now() <= before };
                prop_assert!(only_so);
            }
        }

        #[test]
        fn a_device_that_holds_some_is_found_in_a_few_steps_and_seldom_overrun(
            most in 1_usize..5000,
            holds in 1_usize..5000,
        ) {
            let mut limit = RowLimit::new(most);
            let (mut first, mut later) = (0, 0);
            for step in 0..4000 {
                let rows = limit.now();
                if rows <= holds {
                    limit.ran(rows);
                } else if step < 13 {
                    limit.too_many(rows);
                    first += 1;
                } else {
                    limit.too_many(rows);
                    later += 1;
                }
            }
            prop_assert!(first <= 13);
            // Each overrun after the first ones doubles the wait for the next.
            prop_assert!(later <= 8, "{later} overruns");
            prop_assert!(limit.now() * 3 >= most.min(holds), "{} of {most}, {holds} are held", limit.now());
        }
    }
}
