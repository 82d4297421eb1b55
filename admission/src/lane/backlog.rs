//! What waits in a lane, as the Account objects report it.

use std::collections::BTreeMap;

use forebay_contract::ordered;
use serde::{Deserialize, Serialize};

use super::{Tally, meter::Meter, wait::Waits};

/// A shard that was not heard of for so long no longer counts: its object would have reported open jobs.
pub const SILENT_MS: u64 = 900_000;
/// How often silent shards are looked for.
const SWEEP_MS: u64 = 60_000;
/// The most shards with open jobs. Beyond it the one heard of longest ago is not counted any more.
const MOST_SHARDS: usize = 20_000;

/// The open jobs of one Account object in the lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpenJobs {
    /// Predicted device milliseconds.
    pub open_ms: f64,
    /// How many.
    pub open_jobs: u64,
    /// How many of them have not started.
    pub queued_jobs: u64,
    /// When this was reported, in milliseconds since the epoch.
    pub heard_ms: u64,
}

/// What is kept of a lane besides its shards: one that slept goes on counting, and knows how fast it was.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// What its counts are compared by.
    pub era_ms: u64,
    /// When this was kept, in milliseconds since the epoch.
    pub kept_ms: u64,
    left_jobs: u64,
    left_ms: f64,
    rate: Option<f64>,
    waits: Waits,
}

impl Memory {
    /// Of a lane that begins to count.
    pub fn new(now_ms: u64) -> Self {
        Self { era_ms: now_ms, kept_ms: now_ms, ..Self::default() }
    }
}

/// Every shard with open jobs, and how fast they end. The clock is an argument.
#[derive(Debug, Default)]
pub struct Backlog {
    shards: BTreeMap<String, OpenJobs>,
    /// Of all shards, kept along: a lane may have thousands, and each reports every second.
    sum: Sum,
    swept_ms: u64,
    meter: Meter,
    /// What has left the queue, and what has ended, in this era of the lane.
    left_jobs: u64,
    left_ms: f64,
    waits: Waits,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    open_ms: f64,
    open_jobs: u64,
    queued_jobs: u64,
}

/// The backlog at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Predicted device milliseconds that wait or run.
    pub backlog_ms: f64,
    /// The same over the last ten seconds or so.
    pub smoothed_ms: f64,
    /// Device milliseconds that are worked off in a second; `None` until it was measured.
    pub rate: Option<f64>,
    /// Jobs that have not ended.
    pub open_jobs: u64,
    /// Jobs that have not started.
    pub queued_jobs: u64,
    /// Jobs that have left the queue so far.
    pub left_jobs: u64,
    /// Device milliseconds that have ended so far.
    pub left_ms: f64,
}

impl Backlog {
    /// The backlog of shards and a memory that were stored.
    pub fn of(shards: impl IntoIterator<Item = (String, OpenJobs)>, memory: Memory, now_ms: u64) -> Self {
        let Memory { kept_ms, left_jobs, left_ms, rate, waits, .. } = memory;
        // After a long silence there may be other workers.
        let rate = rate.filter(|_| now_ms.saturating_sub(kept_ms) < SILENT_MS);
        let shards = ordered::map(shards.into_iter().take(MOST_SHARDS));
        let mut backlog = Self { shards, meter: Meter::of(rate), left_jobs, left_ms, waits, ..Self::default() };
        backlog.add_up();
        backlog
    }

    /// What is to be kept of it, `era_ms` being since when it counts.
    pub fn memory(&self, era_ms: u64, now_ms: u64) -> Memory {
        let (left_jobs, left_ms, rate) = (self.left_jobs, self.left_ms, self.meter.rate());
        Memory { era_ms, kept_ms: now_ms, left_jobs, left_ms, rate, waits: self.waits.clone() }
    }

    /// Takes a tally in; what is to be stored of its shard, or `None` when nothing of it is open.
    pub fn tally(&mut self, tally: &Tally, now_ms: u64) -> Option<OpenJobs> {
        let queued_jobs = tally.queued_jobs.min(tally.open_jobs);
        let open_ms = amount(tally.open_ms);
        let open = OpenJobs { open_ms, open_jobs: tally.open_jobs, queued_jobs, heard_ms: now_ms };
        let open = (tally.open_jobs > 0).then_some(open);
        if open.is_some() && self.shards.len() >= MOST_SHARDS && !self.shards.contains_key(&tally.shard) {
            self.make_room();
        }
        let before = match open {
            Some(open) => self.shards.insert(tally.shard.clone(), open),
            None => self.shards.remove(&tally.shard),
        };
        self.sum.change(before, open);
        self.left_jobs = self.left_jobs.saturating_add(tally.left_jobs);
        self.left_ms += amount(tally.left_ms);
        for wait in &tally.waits {
            self.waits.observe(*wait);
        }
        self.look(amount(tally.ended_ms), now_ms);
        open
    }

    /// The backlog now.
    pub fn load(&mut self, now_ms: u64) -> Load {
        self.look(0.0, now_ms);
        Load {
            backlog_ms: self.sum.open_ms,
            smoothed_ms: self.meter.smoothed_ms(),
            rate: self.meter.rate(),
            open_jobs: self.sum.open_jobs,
            queued_jobs: self.sum.queued_jobs,
            left_jobs: self.left_jobs,
            left_ms: self.left_ms,
        }
    }

    /// How long jobs took beside what they were promised.
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Whether nothing is open.
    pub fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    fn look(&mut self, ended_ms: f64, now_ms: u64) {
        self.swept_ms = self.swept_ms.min(now_ms);
        if now_ms - self.swept_ms >= SWEEP_MS {
            self.swept_ms = now_ms;
            self.shards.retain(|_, open| open.is_heard(now_ms));
            self.add_up();
        }
        self.meter.observe(self.sum.open_ms, ended_ms, now_ms);
    }

    /// Anew, without what adding and taking away has rounded.
    fn add_up(&mut self) {
        self.sum = Sum::default();
        for open in self.shards.values() {
            self.sum.change(None, Some(*open));
        }
    }

    fn make_room(&mut self) {
        let oldest = self.shards.iter().min_by_key(|(_, open)| open.heard_ms).map(|(shard, _)| shard.clone());
        if let Some(oldest) = oldest {
            let before = self.shards.remove(&oldest);
            self.sum.change(before, None);
        }
    }
}

impl Sum {
    fn change(&mut self, before: Option<OpenJobs>, after: Option<OpenJobs>) {
        if let Some(before) = before {
            self.open_ms = (self.open_ms - before.open_ms).max(0.0);
            self.open_jobs = self.open_jobs.saturating_sub(before.open_jobs);
            self.queued_jobs = self.queued_jobs.saturating_sub(before.queued_jobs);
        }
        if let Some(after) = after {
            self.open_ms += after.open_ms;
            self.open_jobs = self.open_jobs.saturating_add(after.open_jobs);
            self.queued_jobs = self.queued_jobs.saturating_add(after.queued_jobs);
        }
    }
}

impl OpenJobs {
    /// A clock that jumped back makes nobody silent.
    fn is_heard(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.heard_ms) < SILENT_MS
    }
}

/// An amount of work: what rounding made of nothing is nothing, and nobody has for ever.
fn amount(ms: f64) -> f64 {
    const MOST_MS: f64 = 1e12;
    if ms.is_nan() { 0.0 } else { ms.clamp(0.0, MOST_MS) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: u64 = 1_800_000_000_000;

    fn tally(shard: &str, open_ms: f64, open_jobs: u64) -> Tally {
        Tally {
            shard: shard.to_owned(),
            open_ms,
            open_jobs,
            ended_ms: 0.0,
            outcomes: Vec::new(),
            queued_jobs: open_jobs,
            left_jobs: 0,
            left_ms: 0.0,
            waits: Vec::new(),
        }
    }

    fn open_work(backlog: &mut Backlog, now_ms: u64) -> (f64, u64) {
        let load = backlog.load(now_ms);
        (load.backlog_ms, load.open_jobs)
    }

    #[test]
    fn a_lost_tally_is_healed_by_the_next() {
        let mut backlog = Backlog::default();
        backlog.tally(&tally("a", 100.0, 2), START);
        backlog.tally(&tally("b", 50.0, 1), START);
        assert_eq!(open_work(&mut backlog, START), (150.0, 3));
        // The one that said 200 of «a» never came.
        backlog.tally(&tally("a", 300.0, 6), START + 1);
        assert_eq!(open_work(&mut backlog, START + 1), (350.0, 7));
        assert_eq!(backlog.tally(&tally("a", 0.0, 0), START + 2), None);
        assert_eq!(open_work(&mut backlog, START + 2), (50.0, 1));
    }

    #[test]
    fn a_shard_that_falls_silent_stops_counting() {
        let mut backlog = Backlog::default();
        backlog.tally(&tally("a", 100.0, 2), START);
        assert_eq!(open_work(&mut backlog, START - 5), (100.0, 2));
        assert_eq!(open_work(&mut backlog, START + SILENT_MS - 1), (100.0, 2));
        assert_eq!(open_work(&mut backlog, START + SILENT_MS + SWEEP_MS), (0.0, 0));
        assert!(backlog.is_empty());
    }

    #[test]
    fn numbers_that_make_no_sense_are_nothing() {
        let mut backlog = Backlog::default();
        for open_ms in [f64::NAN, f64::NEG_INFINITY, -1.0] {
            backlog.tally(&tally("a", open_ms, 1), START);
            assert_eq!(open_work(&mut backlog, START), (0.0, 1));
        }
        backlog.tally(&tally("a", f64::INFINITY, 1), START);
        assert_eq!(open_work(&mut backlog, START), (1e12, 1));
    }

    #[test]
    fn there_are_only_so_many_shards() {
        let open = |n| OpenJobs { open_ms: 1.0, open_jobs: 1, queued_jobs: 1, heard_ms: START + n as u64 };
        let mut backlog =
            Backlog::of((0..2 * MOST_SHARDS).map(|n| (format!("{n:06}"), open(n))), Memory::new(START), START);
        assert_eq!(open_work(&mut backlog, START), (MOST_SHARDS as f64, MOST_SHARDS as u64));
        backlog.tally(&tally("new", 5.0, 1), START + 50_000);
        assert_eq!(open_work(&mut backlog, START + 50_000), (MOST_SHARDS as f64 + 4.0, MOST_SHARDS as u64));
        assert!(!backlog.shards.contains_key("000000"));
    }

    #[test]
    fn the_queue_is_counted_beside_the_backlog_and_what_leaves_is_counted_up() {
        let mut backlog = Backlog::default();
        backlog.tally(&Tally { queued_jobs: 2, left_jobs: 1, ..tally("a", 100.0, 3) }, START);
        backlog.tally(&Tally { queued_jobs: 9, left_ms: 40.0, ..tally("b", 50.0, 1) }, START);
        let load = backlog.load(START);
        assert_eq!((load.queued_jobs, load.left_jobs, load.left_ms), (3, 1, 40.0));
        backlog.tally(&Tally { queued_jobs: 0, left_jobs: 2, left_ms: 100.0, ..tally("a", 0.0, 0) }, START);
        let load = backlog.load(START);
        assert_eq!((load.queued_jobs, load.left_jobs, load.left_ms), (1, 3, 140.0));
    }

    #[test]
    fn a_lane_that_slept_goes_on_counting() {
        let mut backlog = Backlog::of([], Memory::new(START), START);
        let wait = super::super::wait::WaitSample { expected_ms: 100.0, p50_ms: 100.0, p90_ms: 200.0, took_ms: 150.0 };
        for second in 0..20 {
            let ended = Tally { ended_ms: 500.0, left_jobs: 2, left_ms: 500.0, ..tally("a", 50_000.0, 7) };
            backlog.tally(&Tally { waits: vec![wait], ..ended }, START + 1_000 * second);
        }
        let now = START + 20_000;
        let before = backlog.load(now);
        let memory = serde_json::to_string(&backlog.memory(START, now)).unwrap();
        let awake = |at_ms| {
            let memory: Memory = serde_json::from_str(&memory).unwrap();
            assert_eq!(memory.era_ms, START);
            Backlog::of([], memory, at_ms)
        };
        let mut soon = awake(now + 60_000);
        let after = soon.load(now + 60_000);
        assert!(before.rate.is_some_and(|rate| (400.0..600.0).contains(&rate)), "{before:?}");
        assert_eq!((after.left_jobs, after.left_ms, after.rate), (40, 10_000.0, before.rate));
        assert_eq!(soon.waits(), backlog.waits());
        // Other workers may be there by then.
        assert_eq!(awake(now + SILENT_MS).load(now + SILENT_MS).rate, None);
    }

    proptest! {
        #[test]
        fn the_backlog_is_the_sum_of_what_each_shard_said_last(
            said in prop::collection::vec((0u8..6, 0u64..1_000), 0..60),
        ) {
            let mut backlog = Backlog::default();
            let mut last = BTreeMap::new();
            for (n, (shard, jobs)) in said.into_iter().enumerate() {
                backlog.tally(&tally(&shard.to_string(), jobs as f64, jobs), START + n as u64);
                last.insert(shard, jobs);
            }
            let sum: u64 = last.values().sum();
            let (backlog_ms, open_jobs) = open_work(&mut backlog, START + 100);
            prop_assert!((backlog_ms - sum as f64).abs() < 1e-6);
            prop_assert_eq!(open_jobs, sum);
        }
    }
}
