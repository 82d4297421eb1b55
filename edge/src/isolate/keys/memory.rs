use std::rc::Rc;

use forebay_admission::api_key::KeyRecord;

use crate::isolate::expiring::Expiring;

type Known = Expiring<String, Rc<KeyRecord>>;

/// What stands at the entries of keys' secrets, so that a caller costs the namespace one read in a while.
pub struct Records {
    /// What this isolate has decided, above whatever the namespace says.
    pub(in crate::isolate) changed: Known,
    /// What the namespace said.
    pub(in crate::isolate) known: Known,
    /// Where the namespace said that there is nothing.
    pub(in crate::isolate) unknown: Expiring<String, ()>,
}

impl Records {
    /// What is remembered of an entry: nothing, that it is not there, or what stands there.
    pub(super) fn get(&self, entry: &str, now_ms: u64) -> Option<Option<Rc<KeyRecord>>> {
        match self.changed.get(entry, now_ms).or_else(|| self.known.get(entry, now_ms)) {
            Some(record) => Some(Some(record)),
            None => self.unknown.get(entry, now_ms).map(|()| None),
        }
    }

    /// Remembers what the namespace said.
    pub(super) fn put(&mut self, entry: &str, found: Option<Rc<KeyRecord>>, now_ms: u64) {
        match found {
            Some(record) => self.known.put(entry.to_owned(), record, now_ms),
            None => self.unknown.put(entry.to_owned(), (), now_ms),
        }
    }

    /// Remembers what this isolate has decided.
    pub(super) fn put_decided(&mut self, entry: String, record: KeyRecord, now_ms: u64) {
        self.changed.put(entry, Rc::new(record), now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_admission::api_key::{Secret, Validity};

    #[test]
    fn a_decision_outweighs_what_the_namespace_still_says() {
        let hash = Secret::new([3; 32]).hash();
        let entry = hash.entry();
        let mut records = Records {
            changed: Expiring::new(2, 120_000),
            known: Expiring::new(2, 20_000),
            unknown: Expiring::new(2, 3_000),
        };
        let valid = KeyRecord::new(hash.id(), "a".to_owned(), "b".to_owned());
        let revoked = KeyRecord { revoked_ms: Some(5), ..valid.clone() };
        let validity =
            |records: &Records, now_ms| records.get(&entry, now_ms).flatten().map(|record| record.validity(now_ms));

        records.put(&entry, None, 0);
        assert_eq!((records.get(&entry, 2_999), records.get(&entry, 3_000)), (Some(None), None));
        records.put(&entry, Some(Rc::new(valid.clone())), 3_000);
        assert_eq!(validity(&records, 3_000), Some(Validity::Valid));
        records.put_decided(entry.clone(), revoked, 3_001);
        records.put(&entry, Some(Rc::new(valid)), 100_000);
        assert_eq!(validity(&records, 100_000), Some(Validity::Revoked));
    }
}
