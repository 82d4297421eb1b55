use std::{collections::BTreeMap, fmt};

use forebay_contract::Lane;

/// The lanes that a worker serves, and the share of each while others wait too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaneWeights {
    weights: BTreeMap<Lane, u64>,
    total: u64,
}

impl LaneWeights {
    /// A weight of nothing counts as the least: every lane's jobs run some day.
    pub fn new(weights: impl IntoIterator<Item = (Lane, u64)>) -> Self {
        let weights: BTreeMap<Lane, u64> = weights.into_iter().map(|(lane, weight)| (lane, weight.max(1))).collect();
        let total = weights.values().fold(0, |total: u64, weight| total.saturating_add(*weight));
        Self { weights, total }
    }

    /// The lanes, in their order.
    pub fn lanes(&self) -> impl Iterator<Item = Lane> {
        self.weights.keys().copied()
    }

    /// A lane's weight; the least for one that is not among them.
    pub fn of(&self, lane: Lane) -> u64 {
        self.weights.get(&lane).copied().unwrap_or(1)
    }

    /// What the weights of all lanes add up to.
    pub fn total(&self) -> u64 {
        self.total.max(1)
    }

    /// The lane of the least weight, the last of several.
    pub fn lightest(&self) -> Option<Lane> {
        self.weights.iter().rev().min_by_key(|(_, weight)| **weight).map(|(lane, _)| *lane)
    }
}

/// As the setting is written.
impl fmt::Display for LaneWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (lane, weight)) in self.weights.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{lane}={weight}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_listed_weighs_least_and_nobody_weighs_nothing() {
        let [acme, beta, other] = ["acme", "beta", "other"].map(|name| name.parse::<Lane>().unwrap());
        let weights = LaneWeights::new([(acme, 8), (beta, 0)]);
        assert_eq!([acme, beta, other].map(|lane| weights.of(lane)), [8, 1, 1]);
        assert_eq!(
            (weights.total(), weights.lightest(), weights.to_string().as_str()),
            (9, Some(beta), "beta=1,acme=8")
        );
        assert_eq!((LaneWeights::default().total(), LaneWeights::default().lightest()), (1, None));
    }
}
