//! The breakers of a lane, one a model version.

use std::collections::BTreeMap;

use super::{BreakerState, BreakerStatus, ModelVersion, VersionCount, breaker::Breaker};

/// The most model versions that are watched.
const MOST: usize = 256;
/// A version that nothing ended of for so long is forgotten, whatever its breaker says.
const FORGET_MS: u64 = 900_000;

/// Every breaker that has heard of something lately. The clock is an argument.
#[derive(Debug, Default)]
pub struct Breakers(BTreeMap<ModelVersion, Watched>);

#[derive(Debug, Default)]
struct Watched {
    breaker: Breaker,
    heard_ms: u64,
}

impl Breakers {
    /// Counts what ended.
    pub fn record(&mut self, outcomes: Vec<VersionCount>, now_ms: u64) {
        for VersionCount { model, version, ok, failed } in outcomes {
            let of = ModelVersion { model, version };
            if !self.0.contains_key(&of) {
                self.make_room(now_ms);
            }
            let watched = self.0.entry(of).or_default();
            watched.heard_ms = now_ms;
            watched.breaker.record(ok, failed, now_ms);
        }
    }

    /// The breakers that are not closed. Those of `wanted` lend their probes to the asker; the others keep theirs, so
    /// that a permit goes to who has a job for it.
    pub fn statuses(&mut self, wanted: &[ModelVersion], now_ms: u64) -> Vec<BreakerStatus> {
        let statuses = self.0.iter_mut().filter_map(|(of, watched)| {
            let state = match watched.breaker.state(now_ms) {
                BreakerState::Closed => return None,
                BreakerState::HalfOpen { .. } if wanted.contains(of) => {
                    BreakerState::HalfOpen { probes: watched.breaker.take_probes(now_ms) }
                }
                BreakerState::HalfOpen { .. } => BreakerState::HalfOpen { probes: 0 },
                state => state,
            };
            Some(BreakerStatus { of: of.clone(), state })
        });
        statuses.collect()
    }

    /// Keeps the bound: the silent go, else the one heard of longest ago.
    fn make_room(&mut self, now_ms: u64) {
        if self.0.len() < MOST {
            return;
        }
        self.0.retain(|_, watched| now_ms.saturating_sub(watched.heard_ms) < FORGET_MS);
        while self.0.len() >= MOST {
            let oldest = self.0.iter().min_by_key(|(_, watched)| watched.heard_ms).map(|(of, _)| of.clone());
            let Some(oldest) = oldest else { return };
            self.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_800_000_000_000;

    fn outcome(version: &str, ok: u32, failed: u32) -> VersionCount {
        VersionCount { model: "m".to_owned(), version: version.to_owned(), ok, failed }
    }

    fn of(version: &str) -> ModelVersion {
        ModelVersion { model: "m".to_owned(), version: version.to_owned() }
    }

    #[test]
    fn versions_fail_alone_and_closed_ones_are_not_told() {
        let mut breakers = Breakers::default();
        breakers.record(vec![outcome("1", 100, 0), outcome("2", 0, 10)], START);
        let open = BreakerStatus { of: of("2"), state: BreakerState::Open { until_ms: START + 2_000 } };
        assert_eq!(breakers.statuses(&[], START), [open]);
    }

    #[test]
    fn probes_go_to_who_wants_them_and_once() {
        let mut breakers = Breakers::default();
        breakers.record(vec![outcome("2", 0, 10)], START);
        let now = START + 2_000;
        let mut probes = |wanted: &[ModelVersion]| breakers.statuses(wanted, now)[0].state;
        assert_eq!(probes(&[of("1")]), BreakerState::HalfOpen { probes: 0 });
        assert_eq!(probes(&[of("2")]), BreakerState::HalfOpen { probes: 3 });
        assert_eq!(probes(&[of("2")]), BreakerState::HalfOpen { probes: 0 });
    }

    #[test]
    fn there_are_only_so_many_and_the_longest_silent_goes_first() {
        let mut breakers = Breakers::default();
        for n in 0..2 * MOST as u64 {
            breakers.record(vec![outcome(&n.to_string(), 1, 0)], START + n);
        }
        assert_eq!(breakers.0.len(), MOST);
        assert!(breakers.0.contains_key(&of("511")) && !breakers.0.contains_key(&of("0")));
        breakers.record(vec![outcome("new", 1, 0)], START + FORGET_MS + 1_000);
        assert_eq!(breakers.0.len(), 1);
    }
}
