use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What the names of the entries of secrets begin with.
pub const ENTRY_PREFIX: &str = "key:";
const HASH_CHARS: usize = 64;
const ID_CHARS: usize = 12;

/// A secret in the clear: shown once, stored nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// `fb_` and 43 characters that carry 256 random bits.
    pub fn new(random: [u8; 32]) -> Self {
        Self(format!("fb_{}", URL_SAFE_NO_PAD.encode(random)))
    }

    /// As the caller sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(forebay_contract::hex(&Sha256::digest(&self.0)))
    }
}

/// Secrets are not printed by accident.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a secret, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(String);

impl SecretHash {
    /// The hash in an entry's name.
    pub fn of_entry(name: &str) -> Option<Self> {
        let hash = name.strip_prefix(ENTRY_PREFIX)?;
        (hash.len() == HASH_CHARS && is_lower_hex(hash)).then(|| Self(hash.to_owned()))
    }

    /// The name of the entry that lets the secret in.
    pub fn entry(&self) -> String {
        format!("{ENTRY_PREFIX}{}", self.0)
    }

    /// The id of the key whose first secret this is.
    pub fn id(&self) -> KeyId {
        KeyId(self.0.chars().take(ID_CHARS).collect())
    }
}

/// Names a key in lists and commands: the beginning of the hash of its first secret. It opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// Reads what a caller gave.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == ID_CHARS && is_lower_hex(text)).then(|| Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the entry that knows the key's secrets.
    pub fn entry(&self) -> String {
        format!("keyid:{}", self.0)
    }

    /// What the name of the entry of the key's first secret begins with.
    pub fn first_secret_prefix(&self) -> String {
        format!("{ENTRY_PREFIX}{}", self.0)
    }
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::authenticate::{Credentials, credentials};

    proptest! {
        #[test]
        fn a_new_secret_is_found_by_what_its_bearer_sends(random: [u8; 32]) {
            let secret = Secret::new(random);
            prop_assert_eq!(secret.reveal().len(), 3 + 43);
            let field = format!("Bearer {}", secret.reveal());
            let Ok(Credentials::Key(name)) = credentials(Some(&field)) else { panic!("no key") };
            prop_assert_eq!(name.as_str(), secret.hash().entry());
            prop_assert_eq!(SecretHash::of_entry(name.as_str()), Some(secret.hash()));
        }

        #[test]
        fn nothing_that_is_stored_or_printed_holds_the_secret(random: [u8; 32]) {
            let secret = Secret::new(random);
            let hash = secret.hash();
            for text in [format!("{secret:?}"), hash.entry(), hash.id().entry()] {
                prop_assert!(!text.contains(&secret.reveal()[3..]));
            }
        }
    }

    #[test]
    fn an_id_finds_its_first_secret_and_is_read_strictly() {
        let hash = Secret::new([7; 32]).hash();
        assert!(hash.entry().starts_with(&hash.id().first_secret_prefix()));
        assert_eq!(KeyId::parse(hash.id().as_str()), Some(hash.id()));
        for text in ["", "0123456789a", "0123456789abc", "0123456789AB", "0123456789a/", "0123456789aé"] {
            assert_eq!(KeyId::parse(text), None, "{text}");
        }
    }
}
