//! What an isolate remembers of keys, so that a caller costs the namespace one read in a while.

use std::{cell::RefCell, rc::Rc};

use crate::expiring::Expiring;
use forebay_admission::api_key::KeyRecord;

/// A revoked key stops working within this and the namespace's own cache time: under a minute together.
const KNOWN_MS: u64 = 20_000;
/// Unknown keys are remembered so briefly that a new key soon works, but long enough that guessing is not a way to
/// spend the namespace's reads. Apart from the known ones, so that guesses cannot push those out.
const UNKNOWN_MS: u64 = 3_000;
/// For so long after a change the namespace may still answer what was before: this isolate knows better.
const CHANGED_MS: u64 = 120_000;
const MOST_KEYS: usize = 1_000;

type Known = Expiring<String, Rc<KeyRecord>>;

thread_local! {
    static CHANGED: RefCell<Known> = RefCell::new(Expiring::new(MOST_KEYS, CHANGED_MS));
    static KNOWN: RefCell<Known> = RefCell::new(Expiring::new(MOST_KEYS, KNOWN_MS));
    static UNKNOWN: RefCell<Expiring<String, ()>> = RefCell::new(Expiring::new(MOST_KEYS, UNKNOWN_MS));
}

/// What is remembered of an entry: nothing, that it is not there, or what stands there.
pub(super) fn recall(entry: &str, now_ms: u64) -> Option<Option<Rc<KeyRecord>>> {
    let known = CHANGED.with_borrow(|changed| changed.get(entry, now_ms));
    let known = known.or_else(|| KNOWN.with_borrow(|known| known.get(entry, now_ms)));
    match known {
        Some(record) => Some(Some(record)),
        None => UNKNOWN.with_borrow(|unknown| unknown.get(entry, now_ms)).map(|()| None),
    }
}

/// Remembers what the namespace said.
pub(super) fn remember(entry: &str, found: Option<Rc<KeyRecord>>, now_ms: u64) {
    match found {
        Some(record) => KNOWN.with_borrow_mut(|known| known.put(entry.to_owned(), record, now_ms)),
        None => UNKNOWN.with_borrow_mut(|unknown| unknown.put(entry.to_owned(), (), now_ms)),
    }
}

/// Remembers what this isolate has decided, above whatever the namespace says.
pub(super) fn decided(entry: String, record: KeyRecord, now_ms: u64) {
    CHANGED.with_borrow_mut(|changed| changed.put(entry, Rc::new(record), now_ms));
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_admission::api_key::{Secret, Validity};

    #[test]
    fn a_decision_outweighs_what_the_namespace_still_says() {
        let hash = Secret::new([3; 32]).hash();
        let entry = hash.entry();
        let valid = KeyRecord::new(hash.id(), "a".to_owned(), "b".to_owned());
        let revoked = KeyRecord { revoked_ms: Some(5), ..valid.clone() };
        let validity = |now_ms| recall(&entry, now_ms).flatten().map(|record| record.validity(now_ms));

        remember(&entry, None, 0);
        assert_eq!((recall(&entry, 2_999), recall(&entry, 3_000)), (Some(None), None));
        remember(&entry, Some(Rc::new(valid.clone())), 3_000);
        assert_eq!(validity(3_000), Some(Validity::Valid));
        decided(entry.clone(), revoked, 3_001);
        remember(&entry, Some(Rc::new(valid)), 100_000);
        assert_eq!(validity(100_000), Some(Validity::Revoked));
    }
}
