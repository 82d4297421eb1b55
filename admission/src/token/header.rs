use super::{malformed, members::Members};
use crate::Refusal;

/// The longest key id, in characters.
const MAX_KID_CHARS: usize = 256;

/// What a token says of its signature (RFC 7515 §4.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// `alg`, as it is written.
    pub(super) algorithm: String,
    /// `kid`: which of the issuer's keys.
    pub(super) kid: Option<String>,
}

impl Header {
    pub(super) fn read(members: &Members) -> Result<Self, Refusal> {
        // RFC 7515 §4.1.11: whoever does not understand all of it must not take the token. We understand none of it.
        if members.has("crit") {
            return Err(malformed("the token's `crit` asks for extensions that are not understood here"));
        }
        let algorithm = members.get("alg")?.ok_or_else(|| malformed("the token's header has no `alg`"))?;
        let kid: Option<String> = members.get("kid")?;
        if kid.as_ref().is_some_and(|kid| kid.chars().count() > MAX_KID_CHARS) {
            return Err(malformed("the token's `kid` may have at most 256 characters"));
        }
        Ok(Self { algorithm, kid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let long = |chars: usize| format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "ä".repeat(chars));
        for (json, good) in [
            (r#"{"alg":"RS256"}"#.to_owned(), true),
            (r#"{"alg":"RS256","kid":"","typ":"JWT","cty":5}"#.to_owned(), true),
            (long(256), true),
            (long(257), false),
            (r#"{"kid":"k"}"#.to_owned(), false),
            (r#"{"alg":null}"#.to_owned(), false),
            (r#"{"alg":256}"#.to_owned(), false),
            (r#"{"alg":["RS256"]}"#.to_owned(), false),
            (r#"{"alg":"RS256","kid":7}"#.to_owned(), false),
            (r#"{"alg":"RS256","crit":["exp"]}"#.to_owned(), false),
            (r#"{"alg":"RS256","crit":["b64"],"b64":false}"#.to_owned(), false),
            (r#"{"alg":"RS256","crit":[]}"#.to_owned(), false),
            (r#"{"alg":"RS256","crit":null}"#.to_owned(), false),
        ] {
            let read = Members::read(json.as_bytes()).and_then(|members| Header::read(&members));
            assert_eq!(read.is_ok(), good, "{json}");
        }
    }
}
