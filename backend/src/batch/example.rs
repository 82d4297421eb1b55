//! Lanes and weights for tests.

use forebay_contract::Lane;
use proptest::prelude::*;

use super::LaneWeights;

/// As the lanes that are shipped share.
pub(crate) fn shipped_weights() -> LaneWeights {
    LaneWeights::new(Lane::SHIPPED.into_iter().zip([8, 4, 2, 1]))
}

/// As many lanes as there may be, with any weights.
pub(crate) fn weights() -> impl Strategy<Value = LaneWeights> {
    weights_up_to(20, 1_000)
}

/// Up to so many lanes, with weights of up to so much, small ones more often.
pub(crate) fn weights_up_to(lanes: usize, heaviest: u64) -> impl Strategy<Value = LaneWeights> {
    let weight = prop_oneof![4 => 1..=heaviest.min(20), 1 => 1..=heaviest];
    prop::collection::vec(weight, 1..=lanes).prop_map(|weights| {
        let lane = |number: usize| format!("lane-{number}").parse().expect("a lane's name");
        LaneWeights::new(weights.into_iter().enumerate().map(|(number, weight)| (lane(number), weight)))
    })
}
