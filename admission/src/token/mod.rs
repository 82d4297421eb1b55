//! JSON Web Tokens (RFC 7519) in the compact form of RFC 7515: read, never believed before the signature held.
//!
//! The issuer decides what is taken: its `algorithms` say how a token may be signed, and a key is tried only for the
//! algorithm of its own type. So `none` is no algorithm, and a public key is no shared secret (RFC 8725 §3.1). Fields
//! that bring a key along (`jwk`, `jku`, `x5c`, `x5u`) are not looked at.

mod claims;
mod header;
pub mod key;
pub mod key_memory;
mod members;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use forebay_contract::{
    ProblemCode,
    catalog::{IdentitySpec, IssuerSpec, JwtAlgorithm},
};

pub use claims::Claims;

use self::{header::Header, key::Wanted, members::Members};
use super::{Refusal, authenticate::refused};

/// A token whose signature has not been checked: it says by which issuer, and how it can be.
#[derive(Debug)]
pub struct Unverified<'a> {
    header: Header,
    claims: Members,
    issuer: Option<String>,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes `header.claims.signature` apart.
    pub fn read(text: &'a str) -> Result<Self, Refusal> {
        let broken = || malformed("a token is three parts of base64url with points between them");
        let (signed, signature) = text.rsplit_once('.').ok_or_else(broken)?;
        let (header, claims) = signed.split_once('.').ok_or_else(broken)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| broken());
        let claims = Members::read(&decode(claims)?)?;
        Ok(Self {
            header: Header::read(&Members::read(&decode(header)?)?)?,
            issuer: claims.get("iss")?,
            claims,
            signed,
            signature: decode(signature)?,
        })
    }

    /// The issuer that the token names, if the catalog knows it.
    pub fn issuer<'c>(&self, identity: &'c IdentitySpec) -> Result<&'c IssuerSpec, Refusal> {
        issuer(self.issuer.as_deref(), identity)
    }

    /// What its signature is made with, if the issuer signs so.
    pub fn wanted(&self, issuer: &IssuerSpec) -> Result<Wanted<'_>, Refusal> {
        let named = |algorithm: &&JwtAlgorithm| algorithm.name() == self.header.algorithm;
        let algorithm = issuer.algorithms.iter().find(named).copied().ok_or_else(|| {
            refused(ProblemCode::RefusedAlgorithm, "this issuer's tokens are not taken when they are signed this way")
        })?;
        Ok(Wanted { algorithm, kid: self.header.kid.as_deref() })
    }

    /// What is signed.
    pub fn signed(&self) -> &'a str {
        self.signed
    }

    /// The signature over it.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// What the token claims: for whoever has seen its signature hold.
    pub fn into_claims(self, issuer: &IssuerSpec) -> Result<Claims, Refusal> {
        Claims::read(&self.claims, issuer)
    }
}

/// The catalog's issuer of this `iss` claim.
pub fn issuer<'c>(iss: Option<&str>, identity: &'c IdentitySpec) -> Result<&'c IssuerSpec, Refusal> {
    let found = identity.issuers.iter().find(|issuer| Some(issuer.issuer.as_str()) == iss);
    found.ok_or_else(|| refused(ProblemCode::WrongIssuer, "tokens of the issuer that `iss` names are not taken"))
}

/// No key of the issuer made this signature.
pub fn bad_signature() -> Refusal {
    refused(ProblemCode::InvalidCredentials, "the token's signature does not hold")
}

fn malformed(detail: &str) -> Refusal {
    refused(ProblemCode::MalformedCredentials, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn identity() -> IdentitySpec {
        serde_json::from_value(json!({"issuers": [
            {"name": "pub", "issuer": "https://pub", "audience": "a", "algorithms": ["RS256", "EdDSA"],
             "jwks_url": "https://pub/keys", "plan": "free"},
            {"name": "hs", "issuer": "hs", "audience": "a", "algorithms": ["HS256"], "secret": "S", "plan": "free"},
        ]}))
        .unwrap()
    }

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    /// The issuer's name, algorithm and kid that a token would be checked by.
    fn way(text: &str) -> Result<(String, &'static str, Option<String>), ProblemCode> {
        let identity = identity();
        let way = || {
            let token = Unverified::read(text)?;
            let issuer = token.issuer(&identity)?;
            let wanted = token.wanted(issuer)?;
            Ok((issuer.name.clone(), wanted.algorithm.name(), wanted.kid.map(str::to_owned)))
        };
        way().map_err(|refusal: Refusal| refusal.code)
    }

    #[test]
    fn the_issuer_decides_how_its_tokens_are_signed() {
        let pub_claims = r#"{"iss":"https://pub"}"#;
        let found = |name: &str, algorithm, kid: Option<&str>| Ok((name.to_owned(), algorithm, kid.map(str::to_owned)));
        for (header, claims, expect) in [
            (r#"{"alg":"RS256","kid":"k"}"#, pub_claims, found("pub", "RS256", Some("k"))),
            (r#"{"alg":"EdDSA","typ":"at+jwt"}"#, pub_claims, found("pub", "EdDSA", None)),
            (r#"{"alg":"RS256","kid":null,"jku":"https://evil","jwk":{}}"#, pub_claims, found("pub", "RS256", None)),
            (r#"{"alg":"HS256"}"#, r#"{"iss":"hs"}"#, found("hs", "HS256", None)),
            // A public key for a shared secret, and the other way round.
            (r#"{"alg":"HS256"}"#, pub_claims, Err(ProblemCode::RefusedAlgorithm)),
            (r#"{"alg":"RS256"}"#, r#"{"iss":"hs"}"#, Err(ProblemCode::RefusedAlgorithm)),
            (r#"{"alg":"ES256"}"#, pub_claims, Err(ProblemCode::RefusedAlgorithm)),
            (r#"{"alg":"none"}"#, pub_claims, Err(ProblemCode::RefusedAlgorithm)),
            (r#"{"alg":"None"}"#, pub_claims, Err(ProblemCode::RefusedAlgorithm)),
            (r#"{"alg":"rs256"}"#, pub_claims, Err(ProblemCode::RefusedAlgorithm)),
            (r#"{"alg":""}"#, pub_claims, Err(ProblemCode::RefusedAlgorithm)),
            (r#"{"alg":"RS256"}"#, r#"{"iss":"https://pub/"}"#, Err(ProblemCode::WrongIssuer)),
            (r#"{"alg":"RS256"}"#, r#"{"iss":""}"#, Err(ProblemCode::WrongIssuer)),
            (r#"{"alg":"RS256"}"#, "{}", Err(ProblemCode::WrongIssuer)),
            (r#"{"alg":"RS256"}"#, r#"{"iss":["https://pub"]}"#, Err(ProblemCode::MalformedCredentials)),
            (r#"{"alg":"RS256"}"#, "[]", Err(ProblemCode::MalformedCredentials)),
        ] {
            assert_eq!(way(&token(header, claims)), expect, "{header} {claims}");
        }
    }

    #[test]
    fn a_text_that_is_no_token_is_malformed() {
        for text in
            ["", ".", "..", "e30", "e30.e30", "e30.e30.e30.e30", "e30.e30.!", "e31.e30.AA", "e30.e30.AB", "AA.e30.AA"]
        {
            assert_eq!(way(text), Err(ProblemCode::MalformedCredentials), "{text}");
        }
    }

    #[test]
    fn what_is_signed_is_the_text_as_it_came() {
        let text = token(r#"{"alg":"RS256"}"#, "{}");
        let token = Unverified::read(&text).unwrap();
        assert_eq!((token.signed(), token.signature()), (text.strip_suffix(".c2ln").unwrap(), b"sig".as_slice()));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String, header: String, claims: String) {
            let _ = way(&text);
            let _ = way(&token(&header, &claims));
            let header = format!(r#"{{"alg":"RS256","kid":{}}}"#, json!(header));
            let _ = way(&token(&header, &format!(r#"{{"iss":"https://pub","x":{}}}"#, json!(claims))));
        }

        #[test]
        fn no_algorithm_but_the_issuers_own_is_taken(algorithm in "[a-zA-Z0-9]{0,8}") {
            let header = json!({"alg": algorithm}).to_string();
            let taken = way(&token(&header, r#"{"iss":"https://pub"}"#)).is_ok();
            prop_assert_eq!(taken, ["RS256", "EdDSA"].contains(&algorithm.as_str()));
        }
    }
}
