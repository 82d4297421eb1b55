use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use crate::{Input, Parameters};

/// Who may share a result: part of what is digested, so that one account never reads another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace<'a> {
    /// Only this account.
    Account(&'a str),
    /// Everyone, for models that are declared shareable.
    Shared,
}

/// SHA-256 of (namespace, model@version, canonical parameters, input): a result's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// No result's name: what stands where one was erased.
    pub const NONE: Self = Self([0; 32]);

    /// Names the result of running `model`@`version` over `parameters` and `input` within `namespace`.
    ///
    /// Each field is preceded by its length, so that no two different jobs run together into the same bytes.
    pub fn new(namespace: Namespace<'_>, model: &str, version: &str, parameters: &Parameters, input: &Input) -> Self {
        let (kind, account) = match namespace {
            Namespace::Account(account) => ("account", account),
            Namespace::Shared => ("shared", ""),
        };
        let canonical = canonical_json(parameters);
        let fields: [&[u8]; 7] = [
            kind.as_bytes(),
            account.as_bytes(),
            model.as_bytes(),
            version.as_bytes(),
            canonical.as_bytes(),
            input.media_type.name().as_bytes(),
            &input.bytes,
        ];
        let mut hash = Sha256::new().chain_update(b"forebay.digest.v1\0");
        for field in fields {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        Self(hash.finalize().into())
    }

    /// The first eight bytes: enough to tell most digests apart.
    pub fn prefix(&self) -> u64 {
        self.0.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default()
    }

    /// The 64 hex digits.
    pub fn to_hex(&self) -> String {
        crate::encoding::hex(&self.0)
    }
}

/// `Parameters` is a sorted map of scalars, so serde's JSON of it is already canonical.
fn canonical_json(parameters: &Parameters) -> String {
    serde_json::to_string(parameters).unwrap_or_default()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: expected 64 lower-case hex digits")]
pub struct DigestParseError;

impl FromStr for Digest {
    type Err = DigestParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| DigestParseError)?;
        let digest = Self(bytes);
        // One digest, one spelling: upper case would be a second name for the same result.
        if digest.to_hex() == text { Ok(digest) } else { Err(DigestParseError) }
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{MediaType, ParameterValue};

    fn text(text: &str) -> Input {
        Input { media_type: MediaType::PlainText, bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn golden() {
        let parameters = Parameters::from([
            ("seed".to_owned(), ParameterValue::Integer(7)),
            ("count".to_owned(), ParameterValue::Integer(1)),
        ]);
        let digest = Digest::new(Namespace::Account("acme"), "dcgan-faces", "1", &parameters, &Input::empty());
        // A change here orphans every stored result: raise the domain tag with it.
        assert_eq!(digest.to_hex(), "ec4ba7fe39bab23688a7b8008c00952d6e786e36be97b738d8fd55c862e43d05");
    }

    #[test]
    fn every_field_counts() {
        let none = Parameters::new();
        let one = Parameters::from([("k".to_owned(), ParameterValue::Integer(1))]);
        let base = Digest::new(Namespace::Account("a"), "m", "1", &none, &text("x"));
        for other in [
            Digest::new(Namespace::Shared, "m", "1", &none, &text("x")),
            Digest::new(Namespace::Account("b"), "m", "1", &none, &text("x")),
            Digest::new(Namespace::Account("a"), "n", "1", &none, &text("x")),
            Digest::new(Namespace::Account("a"), "m", "2", &none, &text("x")),
            Digest::new(Namespace::Account("a"), "m", "1", &one, &text("x")),
            Digest::new(Namespace::Account("a"), "m", "1", &none, &text("y")),
            Digest::new(Namespace::Account("am"), "", "1", &none, &text("x")),
        ] {
            assert_ne!(base, other);
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(bytes: [u8; 32]) {
            let digest = Digest(bytes);
            prop_assert_eq!(digest.to_hex().parse(), Ok(digest));
        }
    }

    #[test]
    fn upper_case_is_refused() {
        let upper = "AB".repeat(32);
        assert_eq!(upper.parse::<Digest>(), Err(DigestParseError));
    }
}
