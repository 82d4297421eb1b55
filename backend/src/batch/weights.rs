use forebay_contract::Lane;

/// The share of a lane while others wait too: paid before free, light before heavy.
pub fn lane_weight(lane: Lane) -> u64 {
    match lane {
        Lane::PaidLight => 8,
        Lane::PaidHeavy => 4,
        Lane::FreeLight => 2,
        Lane::FreeHeavy => 1,
    }
}

/// What the weights of all lanes add up to.
pub fn total_weight() -> u64 {
    Lane::ALL.into_iter().map(lane_weight).sum()
}
