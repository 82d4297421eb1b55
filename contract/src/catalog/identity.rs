use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Who may call besides the owners of API keys.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IdentitySpec {
    /// The plan of callers without credentials, one account an address prefix; without it they are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<String>,
    /// Whose JSON Web Tokens are taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<IssuerSpec>,
}

/// One issuer of JSON Web Tokens (RFC 7519).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IssuerSpec {
    /// A short name: accounts are called `name:subject`.
    pub name: String,
    /// The `iss` claim.
    pub issuer: String,
    /// What the `aud` claim must be or hold.
    pub audience: String,
    /// The only algorithms that are taken.
    pub algorithms: Vec<JwtAlgorithm>,
    /// Where the issuer publishes its keys (RFC 7517).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// Its public keys themselves, as JWKs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<serde_json::Map<String, serde_json::Value>>,
    /// The Worker secret that holds the shared key of HS256, as base64url: it is too secret for a catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The plan of tokens whose claims pick none.
    pub plan: String,
    /// The claim that names a plan.
    #[serde(default = "plan_claim")]
    pub plan_claim: String,
    /// The claim that names a group, or several.
    #[serde(default = "group_claim")]
    pub group_claim: String,
    /// Group → plan, for tokens that name no plan.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, String>,
}

/// How a token is signed (RFC 7518 §3.1, RFC 8037). `none` is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    HS256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl JwtAlgorithm {
    /// The `alg` header.
    pub fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The `kty` and `crv` of keys for it.
    pub fn key_type(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::HS256 => ("oct", None),
            Self::RS256 => ("RSA", None),
            Self::ES256 => ("EC", Some("P-256")),
            Self::EdDSA => ("OKP", Some("Ed25519")),
        }
    }
}

fn plan_claim() -> String {
    "plan".to_owned()
}

fn group_claim() -> String {
    "group".to_owned()
}
