//! How long a request for a job may be held open.

use super::{Refusal, prefer, query};

/// What a request says of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Milliseconds.
    pub ms: u64,
    /// The seconds of `Prefer: wait=N`, when those count.
    preferred_s: Option<u64>,
}

impl Patience {
    /// Of `?wait=N`, or else of `Prefer: wait=N`: the address is the more exact of the two.
    pub fn of(query: &str, prefer: Option<&str>) -> Result<Self, Refusal> {
        let asked_s = query::wait_s(query)?;
        let preferred_s = prefer::wait_s(prefer)?.filter(|_| query.is_empty());
        Ok(Self { ms: preferred_s.unwrap_or(asked_s) * 1000, preferred_s })
    }

    /// `Preference-Applied` (RFC 7240 §3).
    pub fn applied(self) -> Option<(&'static str, String)> {
        self.preferred_s.map(|seconds| ("preference-applied", format!("wait={seconds}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_counts_and_else_the_preference() {
        for (query, prefer, ms, applied) in [
            ("", None, 0, None),
            ("wait=2", None, 2_000, None),
            ("", Some("wait=3"), 3_000, Some("wait=3")),
            ("wait=2", Some("wait=3"), 2_000, None),
            ("wait=0", Some("wait=3"), 0, None),
        ] {
            let patience = Patience::of(query, prefer).unwrap();
            assert_eq!((patience.ms, patience.applied().map(|(_, value)| value).as_deref()), (ms, applied), "{query}");
        }
        assert!(Patience::of("wait=61", None).is_err());
        assert!(Patience::of("", Some("wait=x")).is_err());
    }
}
