//! The public keys of issuers, as JWKs (RFC 7517).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use forebay_contract::catalog::JwtAlgorithm;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The most keys of one issuer.
pub const MOST_KEYS: usize = 32;
/// The most keys that are tried for one token.
const MOST_TRIED: usize = 4;
/// RFC 7518 §3.3 wants 2048 bits or more; beyond 8192 a check takes too long.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// A public key that can check signatures of one algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    kid: Option<String>,
    algorithm: JwtAlgorithm,
    /// The JWK with what its type needs and nothing else: what else it says has been looked at here.
    pub jwk: String,
}

/// Which key a token was signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// How.
    pub algorithm: JwtAlgorithm,
    /// Its id, where the token says it.
    pub kid: Option<&'a str>,
}

impl PublicKey {
    /// Reads a JWK. `None` for those that are for something else: RFC 7517 §5 has us pass over them.
    pub fn read(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        // Shared keys are no public keys, whoever publishes them.
        let public = [JwtAlgorithm::RS256, JwtAlgorithm::ES256, JwtAlgorithm::EdDSA];
        let algorithm = public.into_iter().find(|algorithm| {
            let (kty, crv) = algorithm.key_type();
            text("kty") == Some(kty) && crv.is_none_or(|crv| text("crv") == Some(crv))
        })?;
        let says = |name: &str, wanted: &str| jwk.get(name).is_none_or(|value| value.as_str() == Some(wanted));
        let operations = jwk.get("key_ops");
        let verifies = |list: &Value| list.as_array().is_some_and(|list| list.contains(&json!("verify")));
        if !says("use", "sig") || !says("alg", algorithm.name()) || !operations.is_none_or(verifies) {
            return None;
        }
        let (kty, crv) = algorithm.key_type();
        let jwk = match algorithm {
            JwtAlgorithm::RS256 => {
                let modulus = URL_SAFE_NO_PAD.decode(text("n")?).ok()?;
                let length = modulus.iter().skip_while(|byte| **byte == 0).count();
                RSA_BYTES.contains(&length).then_some(())?;
                json!({"kty": kty, "n": text("n")?, "e": text("e")?})
            }
            JwtAlgorithm::ES256 => json!({"kty": kty, "crv": crv, "x": text("x")?, "y": text("y")?}),
            JwtAlgorithm::EdDSA => json!({"kty": kty, "crv": crv, "x": text("x")?}),
            JwtAlgorithm::HS256 => return None,
        };
        Some(Self { kid: text("kid").map(str::to_owned), algorithm, jwk: jwk.to_string() })
    }
}

/// The usable keys of a JWK set. An error says what is wrong with the set.
pub fn key_set(json: &[u8]) -> Result<Vec<PublicKey>, String> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Map<String, Value>>,
    }
    let set: Set = serde_json::from_slice(json).map_err(|error| format!("not a JWK set: {error}"))?;
    if set.keys.len() > MOST_KEYS {
        return Err(format!("{} keys; taken are at most {MOST_KEYS}", set.keys.len()));
    }
    Ok(set.keys.iter().filter_map(PublicKey::read).collect())
}

/// The keys to try: those of the token's `kid`; else those without a name of their own; for a token without `kid`,
/// all of the fitting type.
pub fn candidates(keys: &[PublicKey], wanted: Wanted<'_>) -> Vec<PublicKey> {
    let fitting = |kid: Option<Option<&str>>| -> Vec<PublicKey> {
        let fits =
            |key: &&PublicKey| key.algorithm == wanted.algorithm && kid.is_none_or(|kid| key.kid.as_deref() == kid);
        keys.iter().filter(fits).take(MOST_TRIED).cloned().collect()
    };
    if wanted.kid.is_none() {
        return fitting(None);
    }
    let named = fitting(Some(wanted.kid));
    if named.is_empty() { fitting(Some(None)) } else { named }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(jwk: &Value) -> Option<PublicKey> {
        PublicKey::read(jwk.as_object().unwrap())
    }

    fn modulus(bytes: usize) -> String {
        URL_SAFE_NO_PAD.encode(vec![0xAB; bytes])
    }

    #[test]
    fn keys_that_check_signatures_are_taken_and_all_others_passed_over() {
        let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": "eA"});
        let with = |name: &str, value: Value| {
            let mut jwk = ed.clone();
            jwk[name] = value;
            jwk
        };
        for (jwk, algorithm) in [
            (ed.clone(), Some(JwtAlgorithm::EdDSA)),
            (with("use", json!("sig")), Some(JwtAlgorithm::EdDSA)),
            (with("use", json!("enc")), None),
            (with("use", json!(null)), None),
            (with("alg", json!("EdDSA")), Some(JwtAlgorithm::EdDSA)),
            (with("alg", json!("HS256")), None),
            (with("key_ops", json!(["verify"])), Some(JwtAlgorithm::EdDSA)),
            (with("key_ops", json!(["sign"])), None),
            (with("key_ops", json!("verify")), None),
            (with("crv", json!("X25519")), None),
            (with("x", json!(7)), None),
            (json!({"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ"}), Some(JwtAlgorithm::ES256)),
            (json!({"kty": "EC", "crv": "P-256", "x": "eA"}), None),
            (json!({"kty": "EC", "crv": "P-384", "x": "eA", "y": "eQ"}), None),
            (json!({"kty": "RSA", "n": modulus(256), "e": "AQAB"}), Some(JwtAlgorithm::RS256)),
            (json!({"kty": "RSA", "n": modulus(255), "e": "AQAB"}), None),
            (json!({"kty": "RSA", "n": modulus(1025), "e": "AQAB"}), None),
            (json!({"kty": "RSA", "n": modulus(256)}), None),
            (json!({"kty": "RSA", "n": modulus(256), "e": "AQAB", "alg": "PS256"}), None),
            (json!({"kty": "oct", "k": modulus(32)}), None),
            (json!({"kty": "oct", "k": modulus(32), "alg": "HS256"}), None),
            (json!({}), None),
        ] {
            assert_eq!(read(&jwk).map(|key| key.algorithm), algorithm, "{jwk}");
        }
    }

    #[test]
    fn a_private_key_that_was_published_is_used_as_the_public_one() {
        let key =
            read(&json!({"kty": "OKP", "crv": "Ed25519", "x": "eA", "d": "ZA", "ext": true, "kid": "k"})).unwrap();
        assert_eq!(key.jwk, r#"{"crv":"Ed25519","kty":"OKP","x":"eA"}"#);
    }

    #[test]
    fn sets_are_bounded_and_strangers_in_them_passed_over() {
        let set = |count: usize| json!({"keys": vec![json!({"kty": "OKP", "crv": "Ed25519", "x": "eA"}); count]});
        assert_eq!(key_set(set(32).to_string().as_bytes()).unwrap().len(), 32);
        assert!(key_set(set(33).to_string().as_bytes()).is_err());
        assert_eq!(key_set(br#"{"keys":[{"kty":"new"}],"more":1}"#), Ok(Vec::new()));
        for bad in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[7]}"#, "<html>"] {
            assert!(key_set(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_kid_picks_the_key_and_without_it_a_few_are_tried() {
        let key = |kid: Option<&str>, x: &str| {
            let mut jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
            if let Some(kid) = kid {
                jwk["kid"] = json!(kid);
            }
            read(&jwk).unwrap()
        };
        let ec = read(&json!({"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ", "kid": "a"})).unwrap();
        let keys = [key(Some("a"), "1"), ec, key(Some("b"), "2"), key(Some("b"), "3"), key(None, "4"), key(None, "5")];
        let found = |algorithm, kid| -> Vec<String> {
            let x = |key: PublicKey| serde_json::from_str::<Value>(&key.jwk).unwrap()["x"].as_str().unwrap().to_owned();
            candidates(&keys, Wanted { algorithm, kid }).into_iter().map(x).collect()
        };
        assert_eq!(found(JwtAlgorithm::EdDSA, Some("a")), ["1"]);
        assert_eq!(found(JwtAlgorithm::EdDSA, Some("b")), ["2", "3"]);
        assert_eq!(found(JwtAlgorithm::EdDSA, Some("c")), ["4", "5"]);
        assert_eq!(found(JwtAlgorithm::EdDSA, None), ["1", "2", "3", "4"]);
        assert_eq!(found(JwtAlgorithm::ES256, Some("a")), ["eA"]);
        assert_eq!(found(JwtAlgorithm::ES256, Some("b")), [] as [String; 0]);
        // No key of any kind serves as a shared secret.
        assert_eq!(found(JwtAlgorithm::HS256, None), [] as [String; 0]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_set_or_none(bytes: Vec<u8>, text: String) {
            let _ = key_set(&bytes);
            let _ = key_set(json!({"keys": [{"kty": "RSA", "n": text, "e": text, "kid": text}]}).to_string().as_bytes());
        }
    }
}
