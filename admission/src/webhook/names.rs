/// For how long an answer is known, whatever it says: a name whose answer holds for a second is not asked about with every
/// delivery, and an owner who moves waits no longer than that.
const SHORTEST_S: u64 = 5;
const LONGEST_S: u64 = 300;
/// Few enough to be looked through each time.
const MOST: usize = 100;

/// Names whose every address was found to be public, for as long as the resolver's answer says. What is refused, or leads
/// nowhere, is not known: it is asked about anew.
#[derive(Debug, Default)]
pub struct Names(Vec<(String, u64)>);

impl Names {
    /// Nothing is known.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether the addresses of `name` are known at `now_ms`. A clock that jumped back makes nobody known for longer.
    pub fn is_known(&self, name: &str, now_ms: u64) -> bool {
        let holds = |until_ms: u64| until_ms > now_ms && until_ms - now_ms <= LONGEST_S * 1_000;
        self.0.iter().any(|(known, until_ms)| known == name && holds(*until_ms))
    }

    /// The addresses of `name` are public, by an answer that holds for `ttl_s`; one that holds for no time is not kept.
    pub fn note(&mut self, name: &str, ttl_s: u64, now_ms: u64) {
        self.0.retain(|(known, until_ms)| known != name && *until_ms > now_ms);
        if ttl_s == 0 {
            return;
        }
        if self.0.len() >= MOST {
            // Asking again is cheap.
            self.0.clear();
        }
        self.0.push((name.to_owned(), now_ms.saturating_add(ttl_s.clamp(SHORTEST_S, LONGEST_S) * 1_000)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_known_for_as_long_as_its_answer_says_within_bounds() {
        for (ttl_s, expect_ms) in [(0, 0), (1, 5_000), (60, 60_000), (86_400, 300_000)] {
            let mut names = Names::new();
            names.note("a.test", ttl_s, 1_000);
            let known_ms =
                (0..=400_000).step_by(1_000).filter(|ms| names.is_known("a.test", 1_000 + ms)).count() * 1_000;
            assert_eq!(known_ms as u64, expect_ms, "{ttl_s}");
            assert!(!names.is_known("b.test", 1_000));
        }
    }

    #[test]
    fn the_latest_answer_counts_and_a_clock_that_jumps_back_knows_nothing_for_long() {
        let mut names = Names::new();
        names.note("a.test", 300, 1_000_000);
        assert!(!names.is_known("a.test", 0));
        names.note("a.test", 0, 1_001_000);
        assert!(!names.is_known("a.test", 1_001_000));
    }

    proptest! {
        #[test]
        fn there_are_never_more_than_the_bound(notes in prop::collection::vec((0u32..400, 0u64..400), 0..400)) {
            let mut names = Names::new();
            for (now_s, (name, ttl_s)) in notes.into_iter().enumerate() {
                names.note(&name.to_string(), ttl_s, now_s as u64 * 1_000);
                prop_assert!(names.0.len() <= MOST);
                prop_assert_eq!(names.is_known(&name.to_string(), now_s as u64 * 1_000), ttl_s > 0);
            }
        }
    }
}
