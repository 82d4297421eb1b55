//! Who asks: what every later stage needs to know of them.

/// Who asks, and under which plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who is billed and limited: a key's owner, `issuer:subject` of a token, or `ip:PREFIX`.
    pub account: String,
    /// The name of a plan in the catalog.
    pub plan: String,
    /// Groups the caller belongs to (routing looks at them).
    pub groups: Vec<String>,
    /// The API key's id; None for tokens and anonymous callers.
    pub key: Option<String>,
    /// The address prefix it calls from, such as `203.0.113.7/32` or `2001:db8:0:1::/64`; empty where the runtime does
    /// not say.
    pub ip: String,
    /// When its credentials end, in milliseconds since the epoch; None for those without an end.
    pub until_ms: Option<u64>,
}
