//! Who asks: the API key in `Authorization: Bearer …`.

use forebay_contract::ProblemCode;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::Refusal;

/// Every key begins so: found in a log or a repository, it says what it opens.
const PREFIX: &str = "fb_";

/// The account and plan behind a key: the JSON at `key:{sha256}` in the CONFIG namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Caller {
    /// Who is billed and limited.
    pub account: String,
    /// The name of a plan in the catalogue.
    pub plan: String,
}

/// Where the CONFIG namespace keeps the key's owner: keys themselves are stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// The name as the namespace knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads the `Authorization` field.
pub fn key_name(authorization: Option<&str>) -> Result<KeyName, Refusal> {
    let Some(value) = authorization.map(str::trim).filter(|value| !value.is_empty()) else {
        let detail = "send your API key as `Authorization: Bearer fb_…`";
        return Err(Refusal::new(ProblemCode::MissingCredentials, detail)
            .with_header("www-authenticate", r#"Bearer realm="forebay""#));
    };
    let key = match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
        _ => return Err(invalid()),
    };
    let secret = key.strip_prefix(PREFIX).ok_or_else(invalid)?;
    let well_formed = (32..=64).contains(&secret.len())
        && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !well_formed {
        return Err(invalid());
    }
    Ok(KeyName(format!("key:{}", hex::encode(Sha256::digest(key)))))
}

/// The same answer whatever is wrong with the key: it teaches nothing about keys that exist.
pub fn invalid() -> Refusal {
    Refusal::new(ProblemCode::InvalidCredentials, "the API key is unknown, revoked or malformed")
        .with_header("www-authenticate", r#"Bearer realm="forebay", error="invalid_token""#)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: Option<&str>, expect: Result<(), ProblemCode>) {
        assert_eq!(key_name(header).map(|_| ()).map_err(|refusal| refusal.code), expect, "{header:?}");
    }

    #[test]
    fn a_missing_key_and_a_wrong_one_are_told_apart() {
        let secret = "a".repeat(32);
        check(None, Err(ProblemCode::MissingCredentials));
        check(Some(" "), Err(ProblemCode::MissingCredentials));
        check(Some("Bearer"), Err(ProblemCode::InvalidCredentials));
        check(Some("Bearer "), Err(ProblemCode::InvalidCredentials));
        check(Some(&format!("Basic fb_{secret}")), Err(ProblemCode::InvalidCredentials));
        check(Some(&format!("Bearer {secret}")), Err(ProblemCode::InvalidCredentials));
        check(Some(&format!("Bearer fb_{}", "a".repeat(31))), Err(ProblemCode::InvalidCredentials));
        check(Some(&format!("Bearer fb_{}", "a".repeat(65))), Err(ProblemCode::InvalidCredentials));
        check(Some(&format!("Bearer fb_{}!", "a".repeat(31))), Err(ProblemCode::InvalidCredentials));
        check(Some(&format!("Bearer fb_{secret}")), Ok(()));
        check(Some(&format!("bEARER  fb_{secret}")), Ok(()));
    }

    #[test]
    fn a_key_is_looked_up_by_the_hash_of_the_whole_of_it() {
        let name = key_name(Some("Bearer fb_0123456789abcdef0123456789abcdef")).unwrap();
        assert_eq!(name.as_str(), "key:509d09d7dac7c7964c5a9ea8b1f00148adb25a067d91198e451856c0a2fc4674");
    }
}
