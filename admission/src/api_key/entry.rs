use serde::Serialize;

/// How long the namespace keeps an entry that lets nobody in any more: until then its bearer is answered why.
const TELL_MS: u64 = 86_400_000;
/// The namespace takes no end that is closer than a minute; the clock it goes by may differ from ours.
const LEAST_MS: u64 = 120_000;
/// The most bytes of metadata that the namespace takes.
const MOST_METADATA_BYTES: usize = 1024;

/// Something to put into the namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its value: JSON.
    pub value: String,
    /// The value once more, so that a list needs no reads; not where it is too long for that.
    pub metadata: Option<serde_json::Value>,
    /// When the namespace forgets it, in seconds since the epoch.
    pub forget_s: Option<u64>,
}

impl Entry {
    /// An entry that lets nobody in after `end_ms`.
    pub fn new(name: String, value: &impl Serialize, end_ms: Option<u64>, now_ms: u64) -> serde_json::Result<Self> {
        let json = serde_json::to_string(value)?;
        let metadata = if json.len() <= MOST_METADATA_BYTES { Some(serde_json::to_value(value)?) } else { None };
        let forget_s = end_ms.map(|end_ms| end_ms.saturating_add(TELL_MS).max(now_ms + LEAST_MS).div_ceil(1000));
        Ok(Self { name, value: json, metadata, forget_s })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn metadata_that_the_namespace_would_refuse_is_left_out() {
        let entry = |length: usize| Entry::new(String::new(), &"x".repeat(length), None, 0).unwrap();
        assert_eq!(entry(1022).metadata, Some("x".repeat(1022).into()));
        assert_eq!(entry(1023).metadata, None);
        assert_eq!(entry(1023).value.len(), 1025);
    }

    proptest! {
        #[test]
        fn an_end_is_told_for_a_day_and_always_one_that_the_namespace_takes(
            end_ms in 0u64..4_000_000_000_000,
            now_ms in 0u64..4_000_000_000_000,
        ) {
            let forget_s = Entry::new(String::new(), &"", Some(end_ms), now_ms).unwrap().forget_s.unwrap();
            prop_assert!(forget_s * 1000 >= end_ms + 86_400_000);
            prop_assert!(forget_s * 1000 >= now_ms + 60_000);
        }
    }
}
