//! When a delivery is tried again: the schedule that Standard Webhooks 1.0 recommends.

/// Seconds from one try to the next, after the first, which comes at once. Three days in all.
const WAITS_S: [u64; 9] = [5, 5 * 60, 30 * 60, 2 * 3_600, 5 * 3_600, 10 * 3_600, 14 * 3_600, 20 * 3_600, 24 * 3_600];

/// Milliseconds until the next try after `tries` of them failed; `None` when that was the last.
///
/// `random` moves it by up to a tenth either way, so that what failed together does not come back together.
pub(super) fn wait_ms(tries: u32, random: u64) -> Option<u64> {
    let index = usize::try_from(tries.checked_sub(1)?).ok()?;
    let whole = WAITS_S.get(index)? * 1_000;
    Some(whole - whole / 10 + random % (whole / 5 + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_tries_in_three_days() {
        let mut tries = 1;
        while wait_ms(tries, 0).is_some() {
            tries += 1;
        }
        assert_eq!((tries, wait_ms(0, 0), wait_ms(u32::MAX, 0)), (10, None, None));
        assert_eq!(WAITS_S.iter().sum::<u64>(), 75 * 3_600 + 35 * 60 + 5);
    }

    /// Neighbours at the long end overlap by their tenths (20 and 24 hours), so only the plain waits grow.
    #[test]
    fn plain_waits_grow() {
        assert!(WAITS_S.is_sorted_by(|wait, next| wait < next));
    }

    proptest! {
        #[test]
        fn each_wait_is_within_a_tenth(tries in 1u32..10, random: u64) {
            let wait = wait_ms(tries, random).unwrap();
            let whole = WAITS_S[tries as usize - 1] * 1_000;
            prop_assert!(wait.abs_diff(whole) <= whole / 10);
        }
    }
}
