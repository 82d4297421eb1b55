use serde::{Deserialize, Serialize};

use super::{KeyId, SecretHash};
use crate::{Refusal, authenticate, caller::Caller};

/// The value at `key:{sha256 of a secret}`: whom the secret lets in, and until when.
///
/// An entry that somebody wrote by hand needs `account` and `plan` alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyRecord {
    /// The key's id; the hash's beginning where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<KeyId>,
    /// Who is billed and limited.
    pub account: String,
    /// The name of a plan in the catalog.
    pub plan: String,
    /// What its owner calls the key.
    #[serde(default)]
    pub name: String,
    /// The groups its callers are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// When the secret was made, in milliseconds since the epoch; 0 where nobody knows.
    #[serde(default)]
    pub created_ms: u64,
    /// From when on the secret is refused, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// When the key was revoked: the entry stays for a while, to say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_ms: Option<u64>,
}

/// Whether a secret lets anybody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SecretStanding"))]
#[serde(rename_all = "lowercase")]
pub enum Validity {
    /// It does.
    Valid,
    /// Its time is over.
    Expired,
    /// Its key was revoked.
    Revoked,
}

impl KeyRecord {
    /// A record of the key `id` for an owner's `account` and `plan`, of which nothing more is known.
    pub fn new(id: KeyId, account: String, plan: String) -> Self {
        Self {
            id: Some(id),
            account,
            plan,
            name: String::new(),
            groups: Vec::new(),
            created_ms: 0,
            expires_ms: None,
            revoked_ms: None,
        }
    }

    /// Reads an entry's value.
    pub fn read(hash: &SecretHash, json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json).map(|record: Self| record.identified(hash))
    }

    /// The same with the id that follows from its hash, where it has none.
    #[must_use]
    pub fn identified(mut self, hash: &SecretHash) -> Self {
        self.id.get_or_insert_with(|| hash.id());
        self
    }

    /// Whether the secret lets anybody in at `now_ms`.
    pub fn validity(&self, now_ms: u64) -> Validity {
        match self {
            Self { revoked_ms: Some(_), .. } => Validity::Revoked,
            Self { expires_ms: Some(end_ms), .. } if now_ms >= *end_ms => Validity::Expired,
            _ => Validity::Valid,
        }
    }

    /// Whom the secret lets in at `now_ms`, calling from the address prefix `ip`; refuses what is expired or revoked.
    pub fn caller(&self, now_ms: u64, ip: &str) -> Result<Caller, Refusal> {
        match self.validity(now_ms) {
            Validity::Valid => Ok(Caller {
                account: self.account.clone(),
                plan: self.plan.clone(),
                groups: self.groups.clone(),
                key: self.id.as_ref().map(|id| id.as_str().to_owned()),
                ip: ip.to_owned(),
                until_ms: self.expires_ms,
            }),
            Validity::Expired => Err(authenticate::expired_key()),
            Validity::Revoked => Err(authenticate::revoked_key()),
        }
    }
}

#[cfg(test)]
mod tests {
    use forebay_contract::ProblemCode;

    use super::*;
    use crate::api_key::Secret;

    #[test]
    fn a_short_record_written_by_hand_is_a_whole_key() {
        let hash = Secret::new([1; 32]).hash();
        let record = KeyRecord::read(&hash, r#"{"account":"acme","plan":"free","name":"mine"}"#).unwrap();
        assert_eq!((&record.id, record.validity(u64::MAX)), (&Some(hash.id()), Validity::Valid));
        let caller = record.caller(0, "203.0.113.7/32").unwrap();
        assert_eq!((caller.account.as_str(), caller.plan.as_str()), ("acme", "free"));
        assert_eq!(caller.key.as_deref(), Some(hash.id().as_str()));
        assert!(KeyRecord::read(&hash, r#"{"account":"acme"}"#).is_err());
    }

    #[test]
    fn what_is_stored_reads_back() {
        let hash = Secret::new([1; 32]).hash();
        let mut record = KeyRecord::new(Secret::new([2; 32]).hash().id(), "a".to_owned(), "b".to_owned());
        (record.groups, record.created_ms) = (vec!["staff".to_owned()], 5);
        (record.expires_ms, record.revoked_ms) = (Some(9), Some(7));
        assert_eq!(KeyRecord::read(&hash, &serde_json::to_string(&record).unwrap()).unwrap(), record);
    }

    #[test]
    fn the_end_is_exact_and_revocation_comes_before_it() {
        let mut record = KeyRecord::new(Secret::new([1; 32]).hash().id(), "a".to_owned(), "b".to_owned());
        record.expires_ms = Some(1000);
        assert!(record.caller(999, "").is_ok());
        assert_eq!(record.caller(1000, "").unwrap_err().code, ProblemCode::ExpiredCredentials);
        record.revoked_ms = Some(500);
        for now_ms in [0, 999, 1000] {
            assert_eq!(record.caller(now_ms, "").unwrap_err().code, ProblemCode::RevokedCredentials);
        }
    }
}
