//! What an isolate remembers of a lane, so that admission asks nobody.

use std::{collections::BTreeSet, rc::Rc};

use super::{BreakerState, BreakerStatus, LaneStatus, ModelVersion};

/// A status is used as it is for so long.
const FRESH_MS: u64 = 1_000;
/// An older one is used up to here, while a newer one is fetched behind the request's back.
const USABLE_MS: u64 = 10_000;
/// A fetch that has not come back by then was lost with the request that began it.
const FETCH_LOST_MS: u64 = 5_000;
/// A lane has heard of a job so long after its admission: Account objects gather their news for 200 ms, and the call
/// takes its time. Longer would count many jobs twice.
const HEARD_MS: u64 = 300;
/// Admissions are remembered by stretches of this length.
const STRETCH_MS: u64 = 50;
/// The most model versions whose probes are asked for at once.
const MOST_WANTED: usize = 16;

/// One lane in an isolate's memory. The clock is an argument.
#[derive(Debug, Default)]
pub struct Remembered {
    status: Option<LaneStatus>,
    /// When the lane said it; `status.at_ms` is when it was last asked, by this isolate's clock.
    told_ms: u64,
    /// What the status does not count yet, oldest first: one isolate alone does not overrun the lane between two of
    /// them.
    admitted: Vec<Admitted>,
    fetch_since_ms: Option<u64>,
    /// Versions that had to be refused: the next fetch asks for their probes.
    wanted: BTreeSet<ModelVersion>,
}

/// What was admitted here within a stretch of time.
#[derive(Debug)]
struct Admitted {
    /// When the stretch ended.
    until_ms: u64,
    /// In device milliseconds.
    cost_ms: f64,
    jobs: u64,
}

/// What to do for a status.
#[derive(Debug, Clone, PartialEq)]
pub enum Recall {
    /// Use this one.
    Use(Rc<LaneStatus>),
    /// Use this one and fetch a newer one, without waiting for it.
    UseAndFetch(Rc<LaneStatus>),
    /// There is none: fetch one first.
    Fetch,
}

/// Whether a breaker lets one submission pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It does.
    Free,
    /// It does, as a probe of a half-open one.
    Probe,
    /// It does not; worth another try after so many milliseconds.
    Refused {
        /// From now.
        retry_after_ms: u64,
    },
}

impl Remembered {
    /// What to do at `now_ms`. Whoever is to fetch says so by [`Remembered::fetch_begins`].
    pub fn recall(&self, now_ms: u64) -> Recall {
        let Some((status, age_ms)) = self.status.as_ref().and_then(|status| {
            // A status from the future is from before the clock jumped back.
            Some((status, now_ms.checked_sub(status.at_ms).filter(|age_ms| *age_ms <= USABLE_MS)?))
        }) else {
            return Recall::Fetch;
        };
        let mut status = status.clone();
        for admitted in &self.admitted {
            status.backlog_ms += admitted.cost_ms;
            status.queued_jobs += admitted.jobs;
        }
        let fetched = self.fetch_since_ms.and_then(|since| now_ms.checked_sub(since));
        if age_ms < FRESH_MS || fetched.is_some_and(|since| since < FETCH_LOST_MS) {
            return Recall::Use(Rc::new(status));
        }
        Recall::UseAndFetch(Rc::new(status))
    }

    /// A fetch begins; the model versions whose probes it asks for.
    pub fn fetch_begins(&mut self, now_ms: u64) -> Vec<ModelVersion> {
        self.fetch_since_ms = Some(now_ms);
        std::mem::take(&mut self.wanted).into_iter().collect()
    }

    /// A fetch ended, with `None` when the lane could not be reached: then what it said last stays in use while that
    /// is usable, and after that everything may pass. Nothing is asked again for as long as a status is fresh.
    pub fn fetch_ended(&mut self, fetched: Option<LaneStatus>, now_ms: u64) {
        // The lane answered after that; at least what it had heard of by then is counted.
        let began_ms = self.fetch_since_ms.take().unwrap_or(now_ms).min(now_ms);
        let told_lately = now_ms.checked_sub(self.told_ms).is_some_and(|age_ms| age_ms <= USABLE_MS);
        let status = match (fetched, self.status.take()) {
            (Some(mut status), before) => {
                keep_probes(&mut status, before.as_ref());
                self.told_ms = now_ms;
                // What is further ahead than a fetch takes is from before the clock jumped back.
                let unheard = began_ms.saturating_sub(HEARD_MS)..=began_ms.saturating_add(FETCH_LOST_MS);
                self.admitted.retain(|admitted| unheard.contains(&admitted.until_ms));
                status
            }
            (None, Some(before)) if told_lately => before,
            (None, _) => {
                self.admitted.clear();
                LaneStatus::unknown(now_ms)
            }
        };
        self.status = Some(LaneStatus { at_ms: now_ms, ..status });
    }

    /// Counts a job that was admitted here.
    pub fn admitted(&mut self, cost_ms: f64, now_ms: u64) {
        let (cost_ms, until_ms) = (cost_ms.max(0.0), now_ms - now_ms % STRETCH_MS + STRETCH_MS);
        match self.admitted.last_mut() {
            Some(last) if last.until_ms == until_ms => {
                last.cost_ms += cost_ms;
                last.jobs += 1;
            }
            _ => self.admitted.push(Admitted { until_ms, cost_ms, jobs: 1 }),
        }
    }

    /// Whether the breaker of a model version lets one submission pass; `draw` is a random number in 0..1. A probe is
    /// spent by this.
    pub fn pass(&mut self, model: &str, version: &str, draw: f64, now_ms: u64) -> Passage {
        let Some(breaker) = self.breaker(model, version) else { return Passage::Free };
        let retry_after_ms = match &mut breaker.state {
            BreakerState::Closed => return Passage::Free,
            BreakerState::Dampened { admit } if draw < *admit => return Passage::Free,
            BreakerState::Dampened { .. } => FRESH_MS,
            BreakerState::HalfOpen { probes: 0 } => FRESH_MS,
            BreakerState::HalfOpen { probes } => {
                *probes -= 1;
                return Passage::Probe;
            }
            BreakerState::Open { until_ms } => until_ms.saturating_sub(now_ms).max(FRESH_MS),
        };
        let of = breaker.of.clone();
        if self.wanted.len() < MOST_WANTED {
            self.wanted.insert(of);
        }
        Passage::Refused { retry_after_ms }
    }

    /// Takes back a probe that nothing was admitted with; a breaker that is half open no more has no use for it.
    pub fn hand_back(&mut self, model: &str, version: &str) {
        if let Some(BreakerState::HalfOpen { probes }) = self.breaker(model, version).map(|breaker| &mut breaker.state)
        {
            *probes += 1;
        }
    }

    /// One that is not closed.
    fn breaker(&mut self, model: &str, version: &str) -> Option<&mut BreakerStatus> {
        let of = |breaker: &&mut BreakerStatus| breaker.of.model == model && breaker.of.version == version;
        self.status.as_mut()?.breakers.iter_mut().find(of)
    }
}

impl Passage {
    /// For how many milliseconds nothing passes; `None` when this does.
    pub fn refused(self) -> Option<u64> {
        match self {
            Self::Free | Self::Probe => None,
            Self::Refused { retry_after_ms } => Some(retry_after_ms),
        }
    }
}

/// Probes that were lent and not used are still ours: the lane does not lend them again before long.
fn keep_probes(status: &mut LaneStatus, before: Option<&LaneStatus>) {
    for breaker in &mut status.breakers {
        let unused = before.map(|before| before.breaker(&breaker.of.model, &breaker.of.version));
        if let (BreakerState::HalfOpen { probes }, Some(BreakerState::HalfOpen { probes: unused })) =
            (&mut breaker.state, unused)
        {
            *probes = (*probes).max(unused);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: u64 = 1_800_000_000_000;

    fn lane_status(backlog_ms: f64, state: BreakerState) -> LaneStatus {
        let of = ModelVersion { model: "m".to_owned(), version: "2".to_owned() };
        LaneStatus { backlog_ms, breakers: vec![BreakerStatus { of, state }], ..LaneStatus::unknown(START - 77) }
    }

    fn remembered(status: LaneStatus) -> Remembered {
        let mut lane = Remembered::default();
        lane.fetch_begins(START);
        lane.fetch_ended(Some(status), START);
        lane
    }

    fn backlog_ms(recall: &Recall) -> f64 {
        match recall {
            Recall::Use(status) | Recall::UseAndFetch(status) => status.backlog_ms,
            Recall::Fetch => panic!("nothing is known"),
        }
    }

    #[test]
    fn a_status_is_used_then_replaced_behind_the_back_then_waited_for() {
        assert_eq!(Remembered::default().recall(START), Recall::Fetch);
        let mut lane = remembered(lane_status(5.0, BreakerState::Closed));
        assert!(matches!(lane.recall(START + 999), Recall::Use(_)));
        assert!(matches!(lane.recall(START + 1_000), Recall::UseAndFetch(_)));
        lane.fetch_begins(START + 1_000);
        assert!(matches!(lane.recall(START + 1_001), Recall::Use(_)));
        // Its request ended before the answer came.
        assert!(matches!(lane.recall(START + 6_000), Recall::UseAndFetch(_)));
        assert_eq!(lane.recall(START + 10_001), Recall::Fetch);
        assert_eq!(lane.recall(START - 1), Recall::Fetch);
    }

    #[test]
    fn a_lane_out_of_reach_stops_nobody() {
        let mut lane = remembered(lane_status(5.0, BreakerState::Closed));
        lane.fetch_begins(START + 1_000);
        lane.fetch_ended(None, START + 1_100);
        assert!(matches!(lane.recall(START + 2_099), Recall::Use(_)));
        assert!((backlog_ms(&lane.recall(START + 2_099)) - 5.0).abs() < 1e-9);
        lane.fetch_begins(START + 10_001);
        lane.fetch_ended(None, START + 10_001);
        assert_eq!(lane.recall(START + 10_001), Recall::Use(Rc::new(LaneStatus::unknown(START + 10_001))));

        let mut lane = Remembered::default();
        lane.fetch_begins(START);
        lane.fetch_ended(None, START);
        assert_eq!(lane.recall(START), Recall::Use(Rc::new(LaneStatus::unknown(START))));
        assert_eq!(lane.pass("m", "2", 0.99, START), Passage::Free);
    }

    #[test]
    fn what_was_admitted_here_counts_until_a_status_knows_of_it() {
        let mut lane = remembered(lane_status(100.0, BreakerState::Closed));
        let counted = |lane: &Remembered, now_ms| backlog_ms(&lane.recall(now_ms)) as u64;
        lane.admitted(10.0, START);
        assert_eq!(counted(&lane, START), 110);
        // One of which the lane has not heard when it is asked, and one that comes while it is.
        lane.admitted(7.0, START + 800);
        lane.fetch_begins(START + 1_000);
        lane.admitted(5.0, START + 1_050);
        assert_eq!(counted(&lane, START + 1_050), 122);
        lane.fetch_ended(Some(lane_status(110.0, BreakerState::Closed)), START + 1_000);
        assert_eq!(counted(&lane, START + 1_100), 122);
        // A lane that does not answer has not heard of them either.
        lane.fetch_begins(START + 2_000);
        lane.fetch_ended(None, START + 2_000);
        assert_eq!(counted(&lane, START + 2_100), 122);
        lane.fetch_begins(START + 3_000);
        lane.fetch_ended(Some(lane_status(122.0, BreakerState::Closed)), START + 3_000);
        assert_eq!(counted(&lane, START + 3_100), 122);
    }

    #[test]
    fn what_was_admitted_before_the_clock_jumped_back_is_not_counted_for_ever() {
        let mut lane = remembered(lane_status(100.0, BreakerState::Closed));
        lane.admitted(10.0, START + 60_000);
        lane.fetch_begins(START + 1_000);
        lane.fetch_ended(Some(lane_status(110.0, BreakerState::Closed)), START + 1_000);
        assert!((backlog_ms(&lane.recall(START + 1_000)) - 110.0).abs() < 1e-9);
    }

    #[test]
    fn a_refused_version_asks_for_probes_and_spends_them() {
        let mut lane = remembered(lane_status(0.0, BreakerState::Open { until_ms: START + 3_000 }));
        assert_eq!(lane.pass("m", "1", 0.0, START), Passage::Free);
        assert_eq!(lane.pass("m", "2", 0.0, START), Passage::Refused { retry_after_ms: 3_000 });
        let wanted = lane.fetch_begins(START + 3_000);
        assert_eq!(wanted.iter().map(|of| of.version.as_str()).collect::<Vec<_>>(), ["2"]);
        lane.fetch_ended(Some(lane_status(0.0, BreakerState::HalfOpen { probes: 2 })), START + 3_000);
        assert_eq!(lane.pass("m", "2", 0.0, START + 3_000), Passage::Probe);
        assert_eq!(lane.fetch_begins(START + 4_000), []);
        // The one that is left is not lost with the next status.
        lane.fetch_ended(Some(lane_status(0.0, BreakerState::HalfOpen { probes: 0 })), START + 4_000);
        assert_eq!(lane.pass("m", "2", 0.0, START + 4_000), Passage::Probe);
        assert_eq!(lane.pass("m", "2", 0.0, START + 4_000), Passage::Refused { retry_after_ms: 1_000 });
        // One that was not needed is there for the next.
        lane.hand_back("m", "2");
        assert_eq!(lane.pass("m", "2", 0.0, START + 4_000), Passage::Probe);
        assert_eq!(lane.pass("m", "2", 0.0, START + 4_000), Passage::Refused { retry_after_ms: 1_000 });
    }

    #[test]
    fn a_probe_that_comes_back_opens_nothing() {
        for state in [BreakerState::Closed, BreakerState::Open { until_ms: START + 3_000 }] {
            let mut lane = remembered(lane_status(0.0, state));
            let before = lane.recall(START);
            lane.hand_back("m", "2");
            lane.hand_back("m", "1");
            assert_eq!(lane.recall(START), before);
        }
    }

    proptest! {
        /// Jobs of 1 ms reach the lane up to `HEARD_MS` after their admission, and the lane is asked now and then.
        #[test]
        fn nothing_admitted_is_overlooked_and_little_is_counted_twice(
            steps in prop::collection::vec((0u64..400, 0..HEARD_MS, any::<bool>()), 1..80),
        ) {
            let (mut lane, mut heard, mut now) = (remembered(lane_status(0.0, BreakerState::Closed)), Vec::new(), START);
            for (admitted, (gap_ms, after_ms, fetch)) in (1u64..).zip(steps) {
                now += gap_ms;
                lane.admitted(1.0, now);
                heard.push((now, now + after_ms));
                if fetch {
                    lane.fetch_begins(now);
                    let known = heard.iter().filter(|(_, heard_ms)| *heard_ms <= now).count();
                    lane.fetch_ended(Some(lane_status(known as f64, BreakerState::Closed)), now);
                    let counted = backlog_ms(&lane.recall(now)) as u64;
                    let young = heard.iter().filter(|(at_ms, _)| now - at_ms <= HEARD_MS + STRETCH_MS).count() as u64;
                    prop_assert!((admitted..=admitted + young).contains(&counted), "{counted} of {admitted}");
                }
            }
        }

        #[test]
        fn a_dampened_version_passes_as_often_as_its_breaker_says(admit in 0.2f64..1.0) {
            let mut lane = remembered(lane_status(0.0, BreakerState::Dampened { admit }));
            let draws = (0..1_000).map(|n| f64::from(n) / 1_000.0);
            let passed = draws.filter(|draw| lane.pass("m", "2", *draw, START) == Passage::Free).count();
            prop_assert!((passed as f64 / 1_000.0 - admit).abs() <= 0.001);
        }
    }
}
