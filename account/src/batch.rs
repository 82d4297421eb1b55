//! Which waiting messages travel together.

use crate::platform::{MAX_BATCH, MAX_BATCH_BYTES};

/// How many of the first messages, of these lengths in bytes, fit one batch. At least one, so that nothing is stuck:
/// a message above the bound is the queue's to refuse.
pub(crate) fn fitting(lengths: impl IntoIterator<Item = usize>) -> usize {
    let mut total = 0usize;
    let fit = lengths
        .into_iter()
        .take(MAX_BATCH)
        .take_while(|length| {
            total = total.saturating_add(*length);
            total <= MAX_BATCH_BYTES
        })
        .count();
    fit.max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_messages_or_a_mebibyte() {
        assert_eq!(fitting([1; 9]), 9);
        assert_eq!(fitting([1; 50]), 10);
        assert_eq!(fitting([MAX_BATCH_BYTES / 2; 3]), 2);
        assert_eq!(fitting([MAX_BATCH_BYTES, 1]), 1);
        assert_eq!(fitting([MAX_BATCH_BYTES + 1, 1]), 1);
    }

    proptest! {
        #[test]
        fn a_batch_is_within_both_bounds_and_as_large_as_they_allow(
            lengths in prop::collection::vec(0usize..=MAX_BATCH_BYTES, 1..30),
        ) {
            let fit = fitting(lengths.iter().copied());
            let bytes: usize = lengths[..fit].iter().sum();
            prop_assert!(fit <= MAX_BATCH && bytes <= MAX_BATCH_BYTES);
            if let (true, Some(next)) = (fit < MAX_BATCH, lengths.get(fit)) {
                prop_assert!(bytes + next > MAX_BATCH_BYTES);
            }
        }
    }
}
