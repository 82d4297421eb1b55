//! Which digests an object has jobs of, as long as memory has them all: most submissions are new, and the table need
//! not be asked about those.

use std::collections::HashSet;

use forebay_contract::Digest;

/// How many are read when an object starts; one that has more asks its table.
pub(crate) const MOST_READ: usize = 1_000;
/// How many are remembered: with their places half a megabyte.
const MOST: usize = 50_000;

/// The first eight bytes of each digest: two that share them cost a question, nothing else.
#[derive(Debug)]
pub(crate) struct Seen(Option<HashSet<u64>>);

impl Seen {
    /// Of an object that has jobs of `digests`, read with the bound [`MOST_READ`].
    pub(crate) fn new(digests: &[Digest]) -> Self {
        Self((digests.len() < MOST_READ).then(|| digests.iter().map(Digest::prefix).collect()))
    }

    /// Whether there may be a job of it.
    pub(crate) fn may_have(&self, digest: &Digest) -> bool {
        self.0.as_ref().is_none_or(|seen| seen.contains(&digest.prefix()))
    }

    /// A job of it was stored. Jobs that are deleted stay.
    pub(crate) fn add(&mut self, digest: &Digest) {
        if let Some(seen) = &mut self.0 {
            seen.insert(digest.prefix());
            if seen.len() > MOST {
                self.0 = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(number: usize) -> Digest {
        format!("{number:016x}{:048}", 0).parse().unwrap()
    }

    proptest! {
        #[test]
        fn what_is_there_is_never_denied(read in 0usize..1_200, added in prop::collection::vec(0usize..2_000, 0..50)) {
            let there: Vec<Digest> = (0..read.min(MOST_READ)).map(digest).collect();
            let mut seen = Seen::new(&there);
            for number in &added {
                seen.add(&digest(*number));
            }
            prop_assert!((0..read).chain(added).all(|number| seen.may_have(&digest(number))));
        }
    }

    #[test]
    fn what_is_not_there_is_known_up_to_the_bound() {
        let mut seen = Seen::new(&[digest(1)]);
        assert!(seen.may_have(&digest(1)) && !seen.may_have(&digest(2)));
        for number in 0..=MOST {
            seen.add(&digest(number));
        }
        assert!(seen.may_have(&digest(MOST + 1)));
    }
}
