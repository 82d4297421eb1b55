use serde::Serialize;

/// A delivery of a webhook on its way.
pub struct Post<'a> {
    /// Where to.
    pub url: &'a str,
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`: seconds since the epoch.
    pub timestamp_s: u64,
    /// `webhook-signature`
    pub signature: &'a str,
    /// The body.
    pub body: &'a str,
    /// Until the answer's status, in milliseconds.
    pub timeout_ms: u64,
}

/// Keys of a webhook that were just drawn.
pub struct NewKeys {
    /// `whsec_` and base64: what signs `v1`.
    pub secret: String,
    /// PKCS #8 in base64: what signs `v1a`.
    pub signing_key: String,
    /// `whpk_` and base64: what checks `v1a`.
    pub public_key: String,
}

/// Why a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryError {
    /// No answer in time.
    Timeout,
    /// No connection, no such name, or an answer that is no HTTP.
    Unreachable,
    /// The target sends elsewhere; nobody goes there.
    Redirect,
    /// The target leads to an address that nothing is sent to.
    RefusedAddress,
    /// The answer is no success.
    Status,
}

impl DeliveryError {
    /// Every error.
    pub const ALL: [Self; 5] = [Self::Timeout, Self::Unreachable, Self::Redirect, Self::RefusedAddress, Self::Status];

    /// The name in JSON and SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Redirect => "redirect",
            Self::RefusedAddress => "refused-address",
            Self::Status => "status",
        }
    }
}
