//! What a request shows of its caller: `Authorization: Bearer …` with an API key or a JSON Web Token, or nothing.

use forebay_contract::{ProblemCode, hex};
use sha2::{Digest as _, Sha256};

use super::Refusal;

pub use super::caller::Caller;

/// Every key begins so: found in a log or a repository, it says what it opens. No token does: those begin with `{` in
/// base64url.
const PREFIX: &str = "fb_";
/// The longest `Authorization` field, in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// What the `Authorization` field holds, not yet believed.
#[derive(Debug, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// An API key.
    Key(KeyName),
    /// Three parts of base64url: a JSON Web Token (RFC 7519) in its compact form.
    Token(&'a str),
    /// Nothing.
    None,
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
pub fn credentials(authorization: Option<&str>) -> Result<Credentials<'_>, Refusal> {
    let Some(value) = authorization.map(str::trim).filter(|value| !value.is_empty()) else {
        return Ok(Credentials::None);
    };
    if value.len() > MAX_BYTES {
        return Err(refused(ProblemCode::MalformedCredentials, "`Authorization` may have at most 8192 bytes"));
    }
    let text = match value.split_once(' ') {
        Some((scheme, text)) if scheme.eq_ignore_ascii_case("bearer") => text.trim(),
        _ => return Err(malformed()),
    };
    if let Some(secret) = text.strip_prefix(PREFIX) {
        let well_formed = (32..=64).contains(&secret.len()) && secret.bytes().all(is_base64url);
        return if well_formed { Ok(Credentials::Key(key_name(text))) } else { Err(malformed()) };
    }
    if is_token(text) { Ok(Credentials::Token(text)) } else { Err(malformed()) }
}

/// The caller of a request without credentials: one account an address prefix, where the catalog names a plan for it.
pub fn anonymous(plan: Option<&str>, ip: &str) -> Result<Caller, Refusal> {
    match plan {
        Some(plan) if !ip.is_empty() => Ok(Caller {
            account: format!("ip:{ip}"),
            plan: plan.to_owned(),
            groups: Vec::new(),
            key: None,
            ip: ip.to_owned(),
            until_ms: None,
        }),
        _ => {
            let detail = "send your API key or token as `Authorization: Bearer …`";
            let refusal = Refusal::new(ProblemCode::MissingCredentials, detail);
            // RFC 6750 §3.1: no error code for whoever sent nothing.
            Err(refusal.with_header("www-authenticate", r#"Bearer realm="forebay""#))
        }
    }
}

/// The same answer whatever is wrong with the key: it teaches nothing about keys that exist.
pub fn invalid() -> Refusal {
    refused(ProblemCode::InvalidCredentials, "the API key is unknown")
}

/// The refusal of a secret whose time is over.
pub fn expired_key() -> Refusal {
    let detail = "this secret of the API key has ended: use the newer one, or ask for a new key";
    refused(ProblemCode::ExpiredCredentials, detail)
}

/// The refusal of a key that was revoked.
pub fn revoked_key() -> Refusal {
    refused(ProblemCode::RevokedCredentials, "the API key was revoked: ask for a new one")
}

/// A refusal of credentials, with the challenge that RFC 6750 §3 wants.
pub(super) fn refused(code: ProblemCode, detail: &str) -> Refusal {
    Refusal::new(code, detail).with_header("www-authenticate", r#"Bearer realm="forebay", error="invalid_token""#)
}

fn malformed() -> Refusal {
    let detail = "send `Authorization: Bearer …` with an API key (fb_…) or a JSON Web Token";
    refused(ProblemCode::MalformedCredentials, detail)
}

fn key_name(key: &str) -> KeyName {
    KeyName(format!("key:{}", hex(&Sha256::digest(key))))
}

/// The signature may be missing: that is said by name later.
fn is_token(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(4, '.').collect();
    let [header, claims, signature] = parts.as_slice() else { return false };
    let written = |part: &str| part.bytes().all(is_base64url);
    !header.is_empty() && !claims.is_empty() && written(header) && written(claims) && written(signature)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_a_token_and_nothing_are_told_apart_from_what_is_none_of_them() {
        let malformed = Err(ProblemCode::MalformedCredentials);
        let long = "a".repeat(9000);
        for (header, expect) in [
            (None, Ok("none")),
            (Some(" ".to_owned()), Ok("none")),
            (Some("Bearer".to_owned()), malformed),
            (Some("Bearer ".to_owned()), malformed),
            (Some(format!("Basic fb_{}", "a".repeat(32))), malformed),
            (Some(format!("Bearer {}", "a".repeat(32))), malformed),
            (Some(format!("Bearer fb_{}", "a".repeat(31))), malformed),
            (Some(format!("Bearer fb_{}", "a".repeat(65))), malformed),
            (Some(format!("Bearer fb_{}!", "a".repeat(31))), malformed),
            (Some(format!("Bearer fb_{}", "a".repeat(32))), Ok("key")),
            (Some(format!("bEARER  fb_{}", "a".repeat(64))), Ok("key")),
            (Some("Bearer e30.e30.AA".to_owned()), Ok("token")),
            (Some("Bearer e30.e30.".to_owned()), Ok("token")),
            (Some("Bearer e30.e30".to_owned()), malformed),
            (Some("Bearer .e30.AA".to_owned()), malformed),
            (Some("Bearer e30..AA".to_owned()), malformed),
            (Some("Bearer e30=.e30.AA".to_owned()), malformed),
            (Some("Bearer e30.e30.AA.AA".to_owned()), malformed),
            (Some("Bearer e30.e30.AA.AA.AA".to_owned()), malformed),
            (Some("Bearer e30.e30.AA, Bearer e30.e30.AA".to_owned()), malformed),
            (Some(format!("Bearer e30.{long}.AA")), malformed),
        ] {
            let found = credentials(header.as_deref()).map_err(|refusal| refusal.code).map(|found| match found {
                Credentials::Key(_) => "key",
                Credentials::Token(_) => "token",
                Credentials::None => "none",
            });
            assert_eq!(found, expect, "{header:?}");
        }
    }

    #[test]
    fn a_key_is_looked_up_by_the_hash_of_the_whole_of_it() {
        let Ok(Credentials::Key(name)) = credentials(Some("Bearer fb_0123456789abcdef0123456789abcdef")) else {
            panic!("not a key")
        };
        assert_eq!(name.as_str(), "key:509d09d7dac7c7964c5a9ea8b1f00148adb25a067d91198e451856c0a2fc4674");
    }

    #[test]
    fn anonymous_callers_need_a_plan_and_an_address() {
        let code = |plan, ip| anonymous(plan, ip).unwrap_err().code;
        assert_eq!(code(None, "203.0.113.7/32"), ProblemCode::MissingCredentials);
        assert_eq!(code(Some("anonymous"), ""), ProblemCode::MissingCredentials);
        let caller = anonymous(Some("anonymous"), "203.0.113.7/32").unwrap();
        assert_eq!((caller.account.as_str(), caller.plan.as_str()), ("ip:203.0.113.7/32", "anonymous"));
    }

    #[test]
    fn every_refusal_says_how_to_come_in() {
        for refusal in [invalid(), malformed(), anonymous(None, "").unwrap_err()] {
            assert_eq!((refusal.code.status(), refusal.headers[0].0), (401, "www-authenticate"));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = credentials(Some(&text));
            let _ = credentials(Some(&format!("Bearer {text}")));
        }
    }
}
