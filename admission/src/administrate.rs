//! Who may manage API keys: the operator, by a token of its own.

use forebay_contract::ProblemCode;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Refusal;

/// What the edge knows of the operator's token.
#[derive(Debug, Clone, Copy)]
pub struct AdminToken([u8; 32]);

/// Anything shorter could be guessed.
const SHORTEST_TOKEN: usize = 16;

impl AdminToken {
    /// Of a token of at least 16 characters.
    pub fn new(token: &str) -> Option<Self> {
        (token.len() >= SHORTEST_TOKEN).then(|| Self(Sha256::digest(token).into()))
    }
}

/// Checks the `Authorization` field. Where no token is set nobody is let in, and no answer says so.
///
/// Hashes are compared, in a time that depends on neither: not even the token's length can be measured.
pub fn administrate(authorization: Option<&str>, token: Option<&AdminToken>) -> Result<(), Refusal> {
    let Some(value) = authorization.map(str::trim).filter(|value| !value.is_empty()) else {
        let detail = "send the operator's token as `Authorization: Bearer …`";
        return Err(Refusal::new(ProblemCode::MissingCredentials, detail)
            .with_header("www-authenticate", r#"Bearer realm="forebay-admin""#));
    };
    let given = match value.split_once(' ') {
        Some((scheme, given)) if scheme.eq_ignore_ascii_case("bearer") => given.trim(),
        _ => "",
    };
    let given: [u8; 32] = Sha256::digest(given).into();
    if token.is_some_and(|token| bool::from(token.0.ct_eq(&given))) {
        return Ok(());
    }
    Err(Refusal::new(ProblemCode::InvalidCredentials, "this is not the operator's token")
        .with_header("www-authenticate", r#"Bearer realm="forebay-admin", error="invalid_token""#))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    #[test]
    fn only_the_whole_token_lets_in() {
        let token = AdminToken::new(TOKEN).unwrap();
        let check = |header: Option<&str>| administrate(header, Some(&token)).map_err(|refusal| refusal.code);
        assert_eq!(check(Some(&format!("Bearer {TOKEN}"))), Ok(()));
        assert_eq!(check(Some(&format!("bearer  {TOKEN}"))), Ok(()));
        assert_eq!(check(None), Err(ProblemCode::MissingCredentials));
        assert_eq!(check(Some(" ")), Err(ProblemCode::MissingCredentials));
        for header in ["Bearer", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Basic 0", TOKEN] {
            assert_eq!(check(Some(header)), Err(ProblemCode::InvalidCredentials), "{header}");
        }
    }

    #[test]
    fn where_no_token_is_set_none_lets_in() {
        for header in ["Bearer", "Bearer ", "Bearer 0123456789abcdef"] {
            assert_eq!(administrate(Some(header), None).unwrap_err().code, ProblemCode::InvalidCredentials);
        }
        assert!(AdminToken::new("").is_none() && AdminToken::new("0123456789abcde").is_none());
    }
}
