//! Conditional requests (RFC 9110 §13.1.2).

/// Whether `If-None-Match` names the entity tag `etag` (with its quotes): then the client has it already.
pub fn none_match(if_none_match: Option<&str>, etag: &str) -> bool {
    if_none_match.is_some_and(|list| {
        list.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (header, expect) in [
            (None, false),
            (Some(""), false),
            (Some("*"), true),
            (Some("\"abc\""), true),
            (Some("abc"), false),
            (Some("W/\"abc\""), true),
            (Some("\"x\", \"abc\""), true),
            (Some("\"abcd\""), false),
        ] {
            assert_eq!(none_match(header, "\"abc\""), expect, "{header:?}");
        }
    }
}
