//! Ids of the service. Each becomes a part of a path, so it holds letters, digits, `_` and `-` alone.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

use super::error::Error;

/// The longest id that is sent, in bytes; the service's own have 46 at most.
const LONGEST: usize = 100;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $like:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub struct $name(String);

        impl $name {
            /// The id as the service writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                checked(text, $what, $like).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

id!(
    /// A job's id. It becomes a part of a path, so it holds letters, digits, `_` and `-` alone.
    JobId, "job", "job_06h02735b1oir…"
);
id!(
    /// A webhook endpoint's id, of the same characters as a job's.
    WebhookId, "webhook", "wh_06h02735b1oir…"
);
id!(
    /// A delivery's id, of the same characters as a job's: what receivers see as `webhook-id`.
    DeliveryId, "delivery", "msg_06h02735b1oir…"
);

fn checked(text: &str, what: &str, like: &str) -> Result<String, Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=LONGEST).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    let shown: String = text.chars().take(60).collect();
    Err(Error::Invalid(format!("{shown:?} is no {what} id: they look like {like}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_lead_elsewhere() {
        for (id, fine) in [
            ("job_06h02735b1oir36bdd6g1dqo40qpoqhgosrlus71ro", true),
            ("job-1", true),
            ("../../internal/v1/keys", false),
            ("a?b", false),
            ("a b", false),
            ("", false),
            (&"x".repeat(101), false),
        ] {
            assert_eq!(id.parse::<JobId>().is_ok(), fine, "{id}");
            assert_eq!(id.parse::<WebhookId>().is_ok(), fine, "{id}");
        }
        let text = "a/b".parse::<DeliveryId>().unwrap_err().to_string();
        assert_eq!(text, "\"a/b\" is no delivery id: they look like msg_06h02735b1oir…");
    }
}
