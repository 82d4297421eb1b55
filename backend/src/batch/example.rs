//! Lanes and weights for tests.

use forebay_contract::Lane;
use proptest::prelude::*;

use super::LaneWeights;

/// As the lanes that are shipped share.
pub(crate) fn shipped_weights() -> LaneWeights {
    LaneWeights::new(Lane::SHIPPED.into_iter().zip([8, 4, 2, 1]))
}

/// Any lanes with any weights.
pub(crate) fn weights() -> impl Strategy<Value = LaneWeights> {
    let weight = prop_oneof![4 => 1_u64..20, 1 => 1_u64..=1_000];
    prop::collection::vec(weight, 1..=20).prop_map(|weights| {
        let lane = |number: usize| format!("lane-{number}").parse().expect("a lane's name");
        LaneWeights::new(weights.into_iter().enumerate().map(|(number, weight)| (lane(number), weight)))
    })
}
