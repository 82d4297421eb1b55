use std::ops::Range;

use anyhow::{Context as _, Result, ensure};

/// The seeds that a name means: `7`, or `3..9`, which ends before 9.
pub(super) fn parse(name: &str) -> Result<Range<u64>> {
    let seed = |text: &str| text.parse::<u64>().ok();
    let range = match name.split_once("..") {
        Some((from, to)) => seed(from).zip(seed(to)).map(|(from, to)| from..to),
        None => seed(name).and_then(|seed| Some(seed..seed.checked_add(1)?)),
    };
    let range = range.with_context(|| format!("`{name}` is no seed: say a number, or FROM..TO"))?;
    ensure!(!range.is_empty(), "`{name}` holds no seed: the last one is the one before TO");
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_number_or_a_range_of_them() {
        assert_eq!(parse("7").unwrap(), 7..8);
        assert_eq!(parse("3..9").unwrap(), 3..9);
        for wrong in ["", "x", "-1", "3..", "..9", "9..3", "3..3", "18446744073709551615"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
