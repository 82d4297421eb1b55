//! Who may manage API keys: the operator, by a token of its own.

use forebay_contract::{ProblemCode, SECRET_MIN_CHARS};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::Refusal;

/// What the edge knows of the operator's token.
#[derive(Debug, Clone, Copy)]
pub struct AdminToken([u8; 32]);

impl AdminToken {
    /// Of a token of at least [`SECRET_MIN_CHARS`]: anything shorter could be guessed.
    pub fn new(token: &str) -> Option<Self> {
        (token.chars().count() >= SECRET_MIN_CHARS).then(|| Self(Sha256::digest(token).into()))
    }
}

/// Checks the `Authorization` field: any of `tokens` lets in, of which there are two while the operator changes it. Where
/// none is set nobody is let in, and no answer says so.
///
/// Hashes are compared, in a time that depends on none of them: not even a token's length can be measured.
pub fn administrate(authorization: Option<&str>, tokens: &[AdminToken]) -> Result<(), Refusal> {
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
    if bool::from(tokens.iter().fold(Choice::from(0), |known, token| known | token.0.ct_eq(&given))) {
        return Ok(());
    }
    Err(Refusal::new(ProblemCode::InvalidCredentials, "this is not the operator's token")
        .with_header("www-authenticate", r#"Bearer realm="forebay-admin", error="invalid_token""#))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    const OLDER: &str = "an older token of the operator's, still valid";

    #[test]
    fn only_a_whole_token_lets_in() {
        let tokens = [TOKEN, OLDER].map(|token| AdminToken::new(token).unwrap());
        let check = |header: Option<&str>| administrate(header, &tokens).map_err(|refusal| refusal.code);
        for token in [TOKEN, OLDER] {
            assert_eq!(check(Some(&format!("Bearer {token}"))), Ok(()));
            assert_eq!(check(Some(&format!("bearer  {token}"))), Ok(()));
        }
        assert_eq!(check(None), Err(ProblemCode::MissingCredentials));
        assert_eq!(check(Some(" ")), Err(ProblemCode::MissingCredentials));
        let (shorter, longer) = (format!("Bearer {}", &TOKEN[1..]), format!("Bearer {TOKEN}0"));
        for header in ["Bearer", "Bearer ", &shorter, &longer, "Basic 0", TOKEN] {
            assert_eq!(check(Some(header)), Err(ProblemCode::InvalidCredentials), "{header}");
        }
        let ended = administrate(Some(&format!("Bearer {OLDER}")), &tokens[..1]).unwrap_err();
        assert_eq!(ended.code, ProblemCode::InvalidCredentials);
    }

    #[test]
    fn where_no_token_is_set_none_lets_in() {
        for header in ["Bearer", "Bearer ", &format!("Bearer {TOKEN}")] {
            assert_eq!(administrate(Some(header), &[]).unwrap_err().code, ProblemCode::InvalidCredentials);
        }
        assert!(AdminToken::new("").is_none() && AdminToken::new(&TOKEN[1..]).is_none());
    }
}
