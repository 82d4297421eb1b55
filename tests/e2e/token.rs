//! JSON Web Tokens as their issuers make them, good ones and bad ones.

use anyhow::{Result, anyhow};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa,
    signature::{
        self, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair as _, RsaKeyPair,
    },
};
use serde_json::{Value, json};

/// Opens nothing: tests/fixtures/README.md.
const RSA_KEY: &[u8] = include_bytes!("../fixtures/test-only-rsa-2048.pk8");

/// A key that signs tokens.
pub enum Key {
    Shared(Vec<u8>),
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    /// P-256 again; its signatures are ASN.1, which is not what JWS wants.
    P256Asn1(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    pub fn rsa() -> Result<Self> {
        Ok(Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(RSA_KEY).map_err(|error| anyhow!("the RSA key: {error}"))?)))
    }

    pub fn ed25519() -> Result<Self> {
        let random = SystemRandom::new();
        let made = Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| anyhow!("no Ed25519 key"))?;
        Ok(Self::Ed25519(Ed25519KeyPair::from_pkcs8(made.as_ref()).map_err(|error| anyhow!("Ed25519: {error}"))?))
    }

    /// The same key twice: as JWS wants its signatures, and as it does not.
    pub fn p256() -> Result<(Self, Self)> {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map_err(|_| anyhow!("no P-256 key"))?;
        let read = |way| {
            EcdsaKeyPair::from_pkcs8(way, made.as_ref(), &random).map_err(|error| anyhow!("the P-256 key: {error}"))
        };
        let (fixed, asn1) = (read(&ECDSA_P256_SHA256_FIXED_SIGNING)?, read(&ECDSA_P256_SHA256_ASN1_SIGNING)?);
        Ok((Self::P256(fixed), Self::P256Asn1(asn1)))
    }

    /// The `alg` that it signs with.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Shared(_) => "HS256",
            Self::Rsa(_) => "RS256",
            Self::P256(_) | Self::P256Asn1(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    /// Its public half as everybody may have it: a JWK (RFC 7517), or for shared keys nothing.
    pub fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Shared(_) => Value::Null,
            Self::Rsa(pair) => {
                let public: rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({"kid": kid, "kty": "RSA", "n": encode(&public.n), "e": encode(&public.e)})
            }
            Self::P256(pair) | Self::P256Asn1(pair) => {
                // Uncompressed: 4, x, y.
                let (x, y) = pair.public_key().as_ref().split_at(1).1.split_at(32);
                json!({"kid": kid, "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
            }
            Self::Ed25519(pair) => {
                json!({"kid": kid, "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())})
            }
        }
    }

    /// A token under any header, signed by this key whatever the header says.
    pub fn sign_under(&self, header: &Value, claims: &Value) -> Result<String> {
        let signed = unsigned(header, claims);
        let random = SystemRandom::new();
        let signature = match self {
            Self::Shared(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes()).as_ref().to_vec()
            }
            Self::Rsa(pair) => {
                let mut into = vec![0; pair.public().modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut into)
                    .map_err(|_| anyhow!("RSA did not sign"))?;
                into
            }
            Self::P256(pair) | Self::P256Asn1(pair) => {
                pair.sign(&random, signed.as_bytes()).map_err(|_| anyhow!("P-256 did not sign"))?.as_ref().to_vec()
            }
            Self::Ed25519(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        Ok(format!("{signed}.{}", encode(&signature)))
    }

    /// A token as an issuer makes it.
    pub fn sign(&self, kid: &str, claims: &Value) -> Result<String> {
        self.sign_under(&json!({"alg": self.algorithm(), "typ": "JWT", "kid": kid}), claims)
    }
}

/// The first two parts of a token.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

/// Writes bytes as base64url without padding, as tokens have them.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
