use forebay_contract::ProblemCode;
use serde::{Deserialize, Serialize};

use super::{Entry, KeyId, KeyRecord, NewKey, SecretHash, Validity};
use crate::{Refusal, fields};

/// The most secrets of one key that are valid at once.
const MOST_SECRETS: usize = 8;

/// The value at `keyid:{id}`: a key with all its secrets. The entries of the secrets follow from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The key's id.
    pub id: KeyId,
    /// Who is billed and limited.
    pub account: String,
    /// The name of a plan in the catalog.
    pub plan: String,
    /// What its owner calls the key.
    pub name: String,
    /// The groups its callers are in.
    pub groups: Vec<String>,
    /// When the key was made, in milliseconds since the epoch; 0 where nobody knows.
    pub created_ms: u64,
    /// From when on all its secrets are refused, in milliseconds since the epoch.
    pub expires_ms: Option<u64>,
    /// When it was revoked.
    pub revoked_ms: Option<u64>,
    secrets: Vec<Stored>,
}

/// A secret of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    hash: SecretHash,
    created_ms: u64,
    expires_ms: Option<u64>,
}

impl Key {
    /// A new key with its first secret.
    pub fn new(wanted: NewKey, hash: SecretHash, now_ms: u64) -> Self {
        let NewKey { account, plan, name, groups, lifetime_ms } = wanted;
        let expires_ms = lifetime_ms.map(|lifetime_ms| now_ms.saturating_add(lifetime_ms));
        Self {
            id: hash.id(),
            account,
            plan,
            name,
            groups,
            created_ms: now_ms,
            expires_ms,
            revoked_ms: None,
            secrets: vec![Stored { hash, created_ms: now_ms, expires_ms }],
        }
    }

    /// The key of a record that was written by hand: its one secret is all that is known of it.
    pub fn adopt(hash: &SecretHash, record: KeyRecord) -> Self {
        let KeyRecord { account, plan, name, groups, created_ms, expires_ms, revoked_ms, .. } = record;
        let secrets = vec![Stored { hash: hash.clone(), created_ms, expires_ms }];
        Self { id: hash.id(), account, plan, name, groups, created_ms, expires_ms, revoked_ms, secrets }
    }

    /// Adds a secret. The older ones end `grace_ms` from now, or when they would have anyway.
    pub fn rotate(&mut self, hash: SecretHash, grace_ms: u64, now_ms: u64) -> Result<(), Refusal> {
        let ended = |end_ms: Option<u64>| end_ms.is_some_and(|end_ms| end_ms <= now_ms);
        if self.revoked_ms.is_some() || ended(self.expires_ms) {
            let detail = "the key is revoked or expired: create a new one";
            return Err(Refusal::new(ProblemCode::KeyNotFound, detail));
        }
        self.secrets.retain(|secret| !ended(secret.expires_ms));
        if grace_ms > 0 && self.secrets.len() >= MOST_SECRETS {
            let detail = format!(
                "the key has {MOST_SECRETS} valid secrets already: wait until one has ended, or end them all with \
                 `grace_s` 0"
            );
            return Err(fields::invalid(detail));
        }
        let end_ms = now_ms.saturating_add(grace_ms);
        for secret in &mut self.secrets {
            secret.expires_ms = Some(secret.expires_ms.map_or(end_ms, |own_ms| own_ms.min(end_ms)));
        }
        self.secrets.push(Stored { hash, created_ms: now_ms, expires_ms: self.expires_ms });
        Ok(())
    }

    /// Ends all secrets for good. Doing it again changes nothing.
    pub fn revoke(&mut self, now_ms: u64) {
        self.revoked_ms.get_or_insert(now_ms);
    }

    /// The name of each secret's entry and its value.
    pub fn records(&self) -> impl Iterator<Item = (String, KeyRecord)> {
        self.secrets.iter().map(|secret| {
            let record = KeyRecord {
                name: self.name.clone(),
                groups: self.groups.clone(),
                created_ms: secret.created_ms,
                expires_ms: secret.expires_ms,
                revoked_ms: self.revoked_ms,
                ..KeyRecord::new(self.id.clone(), self.account.clone(), self.plan.clone())
            };
            (secret.hash.entry(), record)
        })
    }

    /// All that the namespace has to hold for the key: its own entry, and those of its secrets.
    ///
    /// To be stored in this order: a secret that is let in is always one that a revocation finds.
    pub fn entries(&self, now_ms: u64) -> serde_json::Result<(Entry, Vec<Entry>)> {
        let own = Entry::new(self.id.entry(), self, self.revoked_ms.or(self.expires_ms), now_ms)?;
        let secrets = self.records().map(|(name, record)| {
            let end_ms = match record.validity(now_ms) {
                Validity::Revoked => record.revoked_ms,
                Validity::Valid | Validity::Expired => record.expires_ms,
            };
            Entry::new(name, &record, end_ms, now_ms)
        });
        Ok((own, secrets.collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api_key::Secret;

    const NOW: u64 = 1_800_000_000_000;
    const HOUR: u64 = 3_600_000;

    fn hash(n: u8) -> SecretHash {
        Secret::new([n; 32]).hash()
    }

    fn key(lifetime_ms: Option<u64>) -> Key {
        let wanted = NewKey {
            account: "acme".to_owned(),
            plan: "pro".to_owned(),
            name: "laptop".to_owned(),
            groups: vec!["staff".to_owned()],
            lifetime_ms,
        };
        Key::new(wanted, hash(0), NOW)
    }

    fn validities(key: &Key, now_ms: u64) -> Vec<Validity> {
        key.records().map(|(_, record)| record.validity(now_ms)).collect()
    }

    #[test]
    fn both_secrets_are_valid_until_the_grace_is_over() {
        let mut key = key(None);
        key.rotate(hash(1), HOUR, NOW).unwrap();
        assert_eq!(validities(&key, NOW + HOUR - 1), [Validity::Valid, Validity::Valid]);
        assert_eq!(validities(&key, NOW + HOUR), [Validity::Expired, Validity::Valid]);
        assert_eq!(key.id, hash(0).id());
    }

    #[test]
    fn without_grace_the_old_secret_ends_at_once() {
        let mut key = key(None);
        key.rotate(hash(1), 0, NOW).unwrap();
        assert_eq!(validities(&key, NOW), [Validity::Expired, Validity::Valid]);
    }

    #[test]
    fn a_later_rotation_never_prolongs_an_older_secret() {
        let mut key = key(None);
        key.rotate(hash(1), HOUR, NOW).unwrap();
        key.rotate(hash(2), 10 * HOUR, NOW + 1).unwrap();
        assert_eq!(validities(&key, NOW + HOUR), [Validity::Expired, Validity::Valid, Validity::Valid]);
    }

    #[test]
    fn a_new_secret_ends_with_its_key() {
        let mut key = key(Some(HOUR));
        key.rotate(hash(1), 0, NOW).unwrap();
        assert_eq!(validities(&key, NOW + HOUR), [Validity::Expired, Validity::Expired]);
        assert_eq!(key.rotate(hash(2), 0, NOW + HOUR).unwrap_err().code, ProblemCode::KeyNotFound);
    }

    #[test]
    fn a_revoked_key_stays_so_and_is_not_rotated() {
        let mut key = key(None);
        key.rotate(hash(1), HOUR, NOW).unwrap();
        key.revoke(NOW + 1);
        key.revoke(NOW + 2);
        assert_eq!(key.revoked_ms, Some(NOW + 1));
        assert_eq!(validities(&key, NOW), [Validity::Revoked; 2]);
        assert_eq!(key.rotate(hash(2), 0, NOW).unwrap_err().code, ProblemCode::KeyNotFound);
    }

    #[test]
    fn too_many_valid_secrets_are_refused_until_they_end() {
        let mut key = key(None);
        for n in 1..8 {
            key.rotate(hash(n), HOUR, NOW).unwrap();
        }
        assert_eq!(key.rotate(hash(8), HOUR, NOW).unwrap_err().code, ProblemCode::InvalidField);
        assert_eq!(key.records().count(), 8);
        let mut other = key.clone();
        other.rotate(hash(8), 0, NOW).unwrap();
        assert_eq!(validities(&other, NOW).iter().filter(|validity| **validity == Validity::Valid).count(), 1);
        key.rotate(hash(8), HOUR, NOW + HOUR).unwrap();
    }

    #[test]
    fn a_record_written_by_hand_can_be_rotated_and_revoked() {
        let record = KeyRecord::read(&hash(0), r#"{"account":"a","plan":"free"}"#).unwrap();
        let mut key = Key::adopt(&hash(0), record);
        key.rotate(hash(1), HOUR, NOW).unwrap();
        assert_eq!(validities(&key, NOW + HOUR), [Validity::Expired, Validity::Valid]);
        assert!(key.records().all(|(_, record)| record.id == Some(hash(0).id())));
    }

    #[test]
    fn entries_say_all_of_it_and_end_by_themselves() {
        let mut key = key(None);
        let (own, secrets) = key.entries(NOW).unwrap();
        assert_eq!((own.forget_s, secrets[0].forget_s), (None, None));
        assert_eq!(serde_json::from_str::<Key>(&own.value).unwrap(), key);
        assert_eq!(secrets[0].name, hash(0).entry());
        assert_eq!(secrets[0].metadata.as_ref().unwrap()["account"], "acme");

        key.rotate(hash(1), HOUR, NOW).unwrap();
        let (own, secrets) = key.entries(NOW).unwrap();
        let day_later_s = (NOW + HOUR) / 1000 + 86_400;
        assert_eq!((own.forget_s, secrets[0].forget_s, secrets[1].forget_s), (None, Some(day_later_s), None));

        key.revoke(NOW);
        let (own, secrets) = key.entries(NOW).unwrap();
        for entry in secrets.iter().chain([&own]) {
            assert_eq!(entry.forget_s, Some(NOW / 1000 + 86_400), "{}", entry.name);
        }
    }

    proptest! {
        #[test]
        fn the_newest_secret_is_valid_and_the_others_end_within_their_grace(
            rotations in prop::collection::vec((0u64..10 * HOUR, 0u64..10 * HOUR), 1..30),
        ) {
            let (mut key, mut now, mut longest_end) = (key(None), NOW, NOW);
            for (n, (pause_ms, grace_ms)) in rotations.into_iter().enumerate() {
                now += pause_ms;
                let before = key.clone();
                if key.rotate(hash(n as u8 + 1), grace_ms, now).is_err() {
                    prop_assert_eq!(&key.records().count(), &MOST_SECRETS);
                    prop_assert!(before.records().any(|(_, record)| record.validity(now) == Validity::Valid));
                    continue;
                }
                longest_end = longest_end.max(now + grace_ms);
                let mut newest_first: Vec<_> = key.records().map(|(_, record)| record).collect();
                newest_first.reverse();
                prop_assert_eq!(newest_first[0].validity(u64::MAX), Validity::Valid);
                prop_assert!(newest_first[1..].iter().all(|record| record.validity(longest_end) == Validity::Expired));
                prop_assert!(newest_first.len() <= MOST_SECRETS + 1);
            }
        }
    }
}
