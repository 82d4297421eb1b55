use std::collections::BTreeMap;

use forebay_admission::lane::remembered::Remembered;
use forebay_contract::{Lane, catalog::MOST_LANES};

/// Lanes out of reach are complained of this often.
const COMPLAIN_MS: u64 = 60_000;
/// The lanes of a catalog, and some that jobs still wait in although it no longer has them.
const MOST: usize = MOST_LANES + 12;

/// How lanes stand, as far as this isolate knows.
#[derive(Default)]
pub struct Lanes {
    lanes: BTreeMap<Lane, Remembered>,
    complained_ms: Option<u64>,
}

impl Lanes {
    /// What is remembered of a lane.
    pub fn of(&mut self, lane: Lane) -> &mut Remembered {
        // Refilling is cheap, and an order of use would be paid for on every request.
        if self.lanes.len() >= MOST && !self.lanes.contains_key(&lane) {
            self.lanes.clear();
        }
        self.lanes.entry(lane).or_default()
    }

    /// Whether it is time to complain that a lane is out of reach.
    pub fn complains(&mut self, now_ms: u64) -> bool {
        let age_ms = self.complained_ms.and_then(|at_ms| now_ms.checked_sub(at_ms));
        let complains = age_ms.is_none_or(|age_ms| age_ms >= COMPLAIN_MS);
        if complains {
            self.complained_ms = Some(now_ms);
        }
        complains
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_lanes_are_remembered_than_there_can_be() {
        let mut lanes = Lanes::default();
        for number in 0..1_000 {
            lanes.of(format!("lane-{number}").parse().unwrap());
            assert!(lanes.lanes.len() <= MOST);
        }
        let before = lanes.lanes.len();
        lanes.of("lane-999".parse().unwrap());
        assert_eq!(lanes.lanes.len(), before, "one that is known");
    }

    #[test]
    fn a_lane_out_of_reach_is_complained_of_once_a_minute() {
        let mut lanes = Lanes::default();
        assert!(lanes.complains(5) && !lanes.complains(6) && !lanes.complains(60_004));
        assert!(lanes.complains(60_005));
        // A clock that jumped back knows nothing.
        assert!(lanes.complains(5));
    }
}
