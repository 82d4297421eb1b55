use anyhow::{Result, anyhow};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// An API key: shown once, kept as a hash.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// A new one, of 192 random bits.
    pub fn random() -> Result<Self> {
        Ok(Self(format!("fb_{}", random_hex()?)))
    }

    /// The key as clients send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The KV entry that lets the key in: the name, which holds the key's hash only, and the value.
    pub fn kv_entry(&self, account: &str, plan: &str, name: &str) -> (String, String) {
        let hash = hex::encode(Sha256::digest(self.0.as_bytes()));
        (format!("key:{hash}"), json!({"account": account, "plan": plan, "name": name}).to_string())
    }
}

/// Keys are not printed by accident.
impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// 192 random bits in hex: for keys and secrets.
pub(crate) fn random_hex() -> Result<String> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random numbers: {error}"))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_new_each_time_and_stored_as_hashes_only() {
        let (one, other) = (ApiKey::random().unwrap(), ApiKey::random().unwrap());
        assert_ne!(one, other);
        let (name, value) = one.kv_entry("demo", "free", "demonstration");
        assert!(name.starts_with("key:") && name.len() == 4 + 64);
        assert!(!name.contains(one.reveal()) && !value.contains(one.reveal()));
        assert!(!format!("{one:?}").contains(one.reveal()));
    }
}
