use std::fmt;

use serde::Serialize;

/// One round: ours and what it is measured beside, in the same unit a second, taken right after each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Round {
    pub(super) ours: f64,
    pub(super) bound: f64,
}

/// A ratio with its definition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Ratio {
    /// A short name of what is compared, as the report has it.
    pub(super) name: String,
    /// What is divided by what.
    pub(super) definition: String,
    /// The least that is wanted.
    pub(super) target: f64,
    /// The median of the rounds' ratios.
    pub(super) median: f64,
    /// Every round, in order.
    pub(super) rounds: Vec<Round>,
    /// Anything else worth knowing, a line each.
    pub(super) notes: Vec<String>,
}

impl Ratio {
    pub(super) fn new(name: &str, definition: &str, target: f64, rounds: Vec<Round>) -> Self {
        let ratios: Vec<f64> =
            rounds.iter().filter(|round| round.bound > 0.0).map(|round| round.ours / round.bound).collect();
        let median = percentile(&ratios, 0.5);
        Self { name: name.to_owned(), definition: definition.to_owned(), target, median, rounds, notes: Vec::new() }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.median >= self.target { "met" } else { "NOT met" };
        writeln!(f, "{}: {:.2} (target ≥ {:.2}, {verdict})", self.name, self.median, self.target)?;
        write!(f, "  = {}", self.definition)?;
        for (number, round) in self.rounds.iter().enumerate() {
            let ratio = if round.bound > 0.0 { round.ours / round.bound } else { f64::NAN };
            write!(f, "\n  round {}: {:.0}/s beside {:.0}/s = {ratio:.2}", number + 1, round.ours, round.bound)?;
        }
        for note in &self.notes {
            write!(f, "\n  {note}")?;
        }
        Ok(())
    }
}

/// The value below which `share` of the values lie, between neighbours in proportion; NaN of nothing.
pub(super) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share.clamp(0.0, 1.0) * sorted.len().saturating_sub(1) as f64;
    let at = |index: f64| sorted.get(index as usize).copied().unwrap_or(f64::NAN);
    let (low, high) = (at(place.floor()), at(place.ceil()));
    low + (high - low) * place.fract()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_of_known_values() {
        let values = [4.0, 1.0, 3.0, 2.0];
        for (share, expected) in [(0.0, 1.0), (0.5, 2.5), (1.0, 4.0), (2.0, 4.0)] {
            assert!((percentile(&values, share) - expected).abs() < 1e-12, "{share}");
        }
        assert!(percentile(&[], 0.5).is_nan());
    }

    #[test]
    fn the_median_of_rounds_is_not_moved_by_one_bad_round() {
        let rounds = [(80.0, 100.0), (90.0, 100.0), (1.0, 100.0)].map(|(ours, bound)| Round { ours, bound });
        let ratio = Ratio::new("r", "ours ÷ bound", 0.8, rounds.to_vec());
        assert!((ratio.median - 0.8).abs() < 1e-12);
        assert!(ratio.to_string().contains("0.80 (target ≥ 0.80, met)"), "{ratio}");
    }

    proptest! {
        #[test]
        fn percentiles_rise_and_stay_within(
            values in prop::collection::vec(-1e6..1e6, 1..40), a in 0.0..1.0, b in 0.0..1.0,
        ) {
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(percentile(&values, low) <= percentile(&values, high) + 1e-9);
            let max = values.iter().copied().fold(f64::MIN, f64::max);
            prop_assert!(percentile(&values, high) <= max + 1e-9);
        }
    }
}
