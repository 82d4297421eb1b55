use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::encoding::{base32, from_base32};

const PREFIX: &str = "job_";
const SHARD_BYTES: usize = 10;
const ID_BYTES: usize = 16 + SHARD_BYTES;

/// Names the Account object (one shard of one account) that keeps a job.
///
/// 80 bits of SHA-256 over the account and the shard number: a caller that knows a key learns nothing of the account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardKey([u8; SHARD_BYTES]);

impl ShardKey {
    /// The key of shard number `shard` of `account`.
    pub fn new(account: &str, shard: u16) -> Self {
        let hash = Sha256::new()
            .chain_update(b"forebay.shard.v1\0")
            .chain_update((account.len() as u64).to_be_bytes())
            .chain_update(account.as_bytes())
            .chain_update(shard.to_be_bytes())
            .finalize();
        let mut key = [0; SHARD_BYTES];
        key.copy_from_slice(hash.get(..SHARD_BYTES).unwrap_or(&[0; SHARD_BYTES]));
        Self(key)
    }
}

impl fmt::Display for ShardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32(&self.0))
    }
}

impl fmt::Debug for ShardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShardKey({self})")
    }
}

/// A job's id: a UUIDv7 (RFC 9562 §5.7) followed by the [`ShardKey`] of the object that keeps the job.
///
/// As text `job_` and 42 characters of base32hex. Ids sort by the millisecond they were made in, and whoever holds one
/// can address the job's object without any lookup.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId {
    uuid: Uuid,
    shard: ShardKey,
}

impl JobId {
    /// An id made at `now_ms` from ten random bytes.
    pub fn new(now_ms: u64, random: [u8; 10], shard: ShardKey) -> Self {
        Self { uuid: uuid::Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid(), shard }
    }

    /// The object that keeps the job.
    pub fn shard(&self) -> ShardKey {
        self.shard
    }

    /// When the id was made, in milliseconds since the Unix epoch.
    pub fn made_at_ms(&self) -> u64 {
        // UUIDv7 keeps the time in its first 48 bits.
        (self.uuid.as_u128() >> 80) as u64
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; ID_BYTES];
        let (uuid, shard) = bytes.split_at_mut(16);
        uuid.copy_from_slice(self.uuid.as_bytes());
        shard.copy_from_slice(&self.shard.0);
        write!(f, "{PREFIX}{}", base32(&bytes))
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({self})")
    }
}

/// The text is not a job id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a job id: expected job_ and 42 characters of 0-9a-v")]
pub struct JobIdParseError;

impl FromStr for JobId {
    type Err = JobIdParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let body = text.strip_prefix(PREFIX).ok_or(JobIdParseError)?;
        let bytes = from_base32::<ID_BYTES>(body).ok_or(JobIdParseError)?;
        let (uuid, shard) = bytes.split_first_chunk::<16>().ok_or(JobIdParseError)?;
        let uuid = Uuid::from_bytes(*uuid);
        let shard = shard.try_into().map_err(|_| JobIdParseError)?;
        if uuid.get_version_num() != 7 || uuid.get_variant() != uuid::Variant::RFC4122 {
            return Err(JobIdParseError);
        }
        Ok(Self { uuid, shard: ShardKey(shard) })
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_round_trips(now_ms in 0u64..1 << 48, random: [u8; 10], account: String, shard: u16) {
            let id = JobId::new(now_ms, random, ShardKey::new(&account, shard));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.to_string().len(), 46);
            prop_assert_eq!(id.made_at_ms(), now_ms);
            prop_assert_eq!(id.shard(), ShardKey::new(&account, shard));
        }

        #[test]
        fn text_sorts_by_time(early in 0u64..1 << 47, later in 1u64..1 << 40, a: [u8; 10], b: [u8; 10]) {
            let shard = ShardKey::new("a", 0);
            let (first, second) = (JobId::new(early, a, shard), JobId::new(early + later, b, shard));
            prop_assert!(first.to_string() < second.to_string());
        }

        #[test]
        fn arbitrary_text_never_panics_and_parses_only_as_itself(text in "(job_)?[0-9a-vA-V_]{0,50}") {
            if let Ok(id) = text.parse::<JobId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn other_uuid_versions_are_refused() {
        let mut bytes = [0; ID_BYTES];
        bytes[6] = 0x40;
        bytes[8] = 0x80;
        assert_eq!(format!("job_{}", base32(&bytes)).parse::<JobId>(), Err(JobIdParseError));
    }

    #[test]
    fn accounts_whose_names_run_together_have_different_shards() {
        assert_ne!(ShardKey::new("a", 0x6200), ShardKey::new("ab", 0));
        assert_ne!(ShardKey::new("a", 0), ShardKey::new("a", 1));
    }
}
