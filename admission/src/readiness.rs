//! Whether jobs get through, as far as was looked lately: whoever asks costs nothing between two looks.

/// A look is new enough for so long.
pub const FRESH_MS: u64 = 5_000;
/// A look takes no longer.
pub const PATIENCE_MS: u64 = 3_000;
/// Workers are silent no longer: they report, or say each minute that they are there.
pub const SILENT_MS: u64 = 180_000;

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// When, in milliseconds since the epoch.
    pub at_ms: u64,
    /// Whether a queue answered.
    pub queue: bool,
    /// Whether the bucket answered.
    pub bucket: bool,
    /// When a worker was last heard of; `None` for never, or nobody who knows.
    pub worker_ms: Option<u64>,
}

impl Seen {
    /// Whether a worker was heard of lately.
    pub fn worker(&self) -> bool {
        self.worker_ms.is_some_and(|heard_ms| self.at_ms.saturating_sub(heard_ms) <= SILENT_MS)
    }

    /// Whether jobs get through.
    pub fn ready(&self) -> bool {
        self.queue && self.bucket && self.worker()
    }
}

/// What is remembered between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    seen: Option<Seen>,
    looking_since_ms: Option<u64>,
}

/// What to do for who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Tell this; `None` while somebody takes the first look.
    Tell(Option<Seen>),
    /// Look, and say what was [`Memory::seen`].
    Look,
}

impl Memory {
    /// One look at a time: meanwhile others are answered with what was seen before. A look that never ended is over when its
    /// patience is.
    pub fn ask(&mut self, now_ms: u64) -> Next {
        let within = |since_ms: u64, span_ms| now_ms.checked_sub(since_ms).is_some_and(|age_ms| age_ms < span_ms);
        let fresh = self.seen.is_some_and(|seen| within(seen.at_ms, FRESH_MS));
        if fresh || self.looking_since_ms.is_some_and(|since_ms| within(since_ms, PATIENCE_MS + 1_000)) {
            return Next::Tell(self.seen);
        }
        self.looking_since_ms = Some(now_ms);
        Next::Look
    }

    /// The look has ended.
    pub fn seen(&mut self, seen: Seen) {
        *self = Self { seen: Some(seen), looking_since_ms: None };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn seen(at_ms: u64) -> Seen {
        Seen { at_ms, queue: true, bucket: true, worker_ms: Some(at_ms) }
    }

    #[test]
    fn one_looks_and_the_others_are_told_what_was_seen_before() {
        let mut memory = Memory::default();
        assert_eq!(memory.ask(NOW_MS), Next::Look);
        assert_eq!(memory.ask(NOW_MS + 1), Next::Tell(None));
        memory.seen(seen(NOW_MS + 2));
        assert_eq!(memory.ask(NOW_MS + 2 + FRESH_MS - 1), Next::Tell(Some(seen(NOW_MS + 2))));
        assert_eq!(memory.ask(NOW_MS + 2 + FRESH_MS), Next::Look);
        assert_eq!(memory.ask(NOW_MS + 3 + FRESH_MS), Next::Tell(Some(seen(NOW_MS + 2))));
        // That look was lost with its request.
        assert_eq!(memory.ask(NOW_MS + 2 + FRESH_MS + PATIENCE_MS + 1_000), Next::Look);
    }

    #[test]
    fn all_of_it_must_be_there() {
        let well = seen(NOW_MS);
        for (seen, expect) in [
            (well, true),
            (Seen { queue: false, ..well }, false),
            (Seen { bucket: false, ..well }, false),
            (Seen { worker_ms: None, ..well }, false),
            (Seen { worker_ms: Some(NOW_MS - SILENT_MS), ..well }, true),
            (Seen { worker_ms: Some(NOW_MS - SILENT_MS - 1), ..well }, false),
            // Clocks of two machines differ.
            (Seen { worker_ms: Some(NOW_MS + 50), ..well }, true),
            (Seen::default(), false),
        ] {
            assert_eq!(seen.ready(), expect, "{seen:?}");
        }
    }

    proptest! {
        /// Requests in any rhythm, looks that take as long as they may or never end.
        #[test]
        fn there_is_one_look_an_interval_at_most(
            asks in prop::collection::vec((0u64..2_000, 0u64..PATIENCE_MS, any::<bool>()), 1..200)
        ) {
            let (mut memory, mut now_ms, mut last_ms) = (Memory::default(), NOW_MS, None);
            let mut ends: Option<u64> = None;
            for (gap_ms, takes_ms, is_lost) in asks {
                now_ms += gap_ms;
                if let Some(end_ms) = ends.filter(|end_ms| *end_ms <= now_ms) {
                    memory.seen(seen(end_ms));
                    ends = None;
                }
                if memory.ask(now_ms) == Next::Look {
                    prop_assert!(last_ms.is_none_or(|last_ms| now_ms - last_ms >= PATIENCE_MS));
                    last_ms = Some(now_ms);
                    ends = (!is_lost).then_some(now_ms + takes_ms);
                }
            }
        }
    }
}
