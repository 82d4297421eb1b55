use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::malformed;
use crate::Refusal;

/// The most members an object may have: real tokens have a dozen.
const MOST: usize = 64;

/// A JSON object of a token. Which of two members of one name counts would be anybody's guess (RFC 7519 §4): it has
/// none.
#[derive(Debug)]
pub(super) struct Members(BTreeMap<String, Box<RawValue>>);

impl Members {
    /// Reads a part of a token.
    pub(super) fn read(json: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(json).map_err(|_| {
            malformed("the token's header and claims must be JSON objects whose members have one value each")
        })
    }

    /// Whether there is a member of this name, whatever its value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A member's value; `None` when it is not there or null.
    pub(super) fn get<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let read = |value: &RawValue| serde_json::from_str(value.get());
        let value = self.0.get(name).map(|value| read(value)).transpose();
        value.map(Option::flatten).map_err(|_| malformed("a member of the token's header or claims has the wrong type"))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Strict)
    }
}

struct Strict;

impl<'de> Visitor<'de> for Strict {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            if members.len() == MOST || members.insert(name, value).is_some() {
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_strict() {
        for (text, good) in [
            ("{}", true),
            (r#" {"a":1,"b":{"a":[]}} "#, true),
            (r#"{"a":1,"a":1}"#, false),
            (r#"{"a":1,"\u0061":2}"#, false),
            ("{} {}", false),
            ("[]", false),
            ("null", false),
            ("\"a\"", false),
            (r#"{"a":}"#, false),
            ("{\"a\":\"\u{0}\"}", false),
            ("", false),
        ] {
            assert_eq!(Members::read(text.as_bytes()).is_ok(), good, "{text}");
        }
        assert!(Members::read(b"{\"a\":\"\xff\"}").is_err());
        let of = |count: usize| (0..count).map(|n| (n.to_string(), json!(n))).collect::<serde_json::Map<_, _>>();
        assert!(Members::read(serde_json::to_string(&of(64)).unwrap().as_bytes()).is_ok());
        assert!(Members::read(serde_json::to_string(&of(65)).unwrap().as_bytes()).is_err());
    }

    #[test]
    fn members_have_a_type_or_are_not_there() {
        let members = Members::read(br#"{"text":"t","nothing":null}"#).unwrap();
        assert_eq!(members.get::<String>("text"), Ok(Some("t".to_owned())));
        assert_eq!(members.get::<String>("nothing"), Ok(None));
        assert_eq!(members.get::<String>("absent"), Ok(None));
        assert!(members.get::<f64>("text").is_err());
        assert!(members.has("nothing") && !members.has("absent"));
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(4000), "]".repeat(4000));
        if let Ok(members) = Members::read(deep.as_bytes()) {
            assert!(members.get::<serde_json::Value>("a").is_err());
        }
    }
}
