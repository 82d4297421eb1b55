//! How long to wait after the n-th failure in a row.

/// Doubles from `first_ms` up to `most_ms`; `random` takes away up to a quarter, so that many do not come back at once.
pub(crate) fn backoff_ms(failures: u32, first_ms: u64, most_ms: u64, random: u64) -> u64 {
    let doubled = first_ms.saturating_mul(1u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX));
    let whole = doubled.min(most_ms);
    whole - random % (whole / 4 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn doubles_up_to_the_bound() {
        let waits: Vec<u64> = (1..8).map(|failures| backoff_ms(failures, 200, 5_000, 0)).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    proptest! {
        #[test]
        fn stays_within_three_quarters_and_the_bound(failures: u32, first in 1u64..1_000_000, most: u64, random: u64) {
            let wait = backoff_ms(failures, first, most, random);
            let whole = backoff_ms(failures, first, most, 0);
            prop_assert!(wait <= whole && whole <= most && wait >= whole - whole / 4);
        }
    }
}
