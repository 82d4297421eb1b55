//! `Cache-Control` of a request (RFC 9111 §5.2.1).

/// What the client allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheControl {
    /// Whether an earlier answer may be given: not with `no-cache`, nor with `no-store`.
    pub reuse: bool,
    /// Whether the answer may be kept for others: not with `no-store`.
    pub store: bool,
}

/// Reads the field. Directives with arguments of their own, such as `max-age`, say nothing about results that never
/// change.
pub fn read(field: Option<&str>) -> CacheControl {
    let has = |name: &str| {
        let directives = field.unwrap_or_default().split(',');
        directives
            .map(|directive| directive.split('=').next().unwrap_or_default().trim())
            .any(|directive| directive.eq_ignore_ascii_case(name))
    };
    let store = !has("no-store");
    CacheControl { reuse: store && !has("no-cache"), store }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (field, reuse, store) in [
            (None, true, true),
            (Some(""), true, true),
            (Some("max-age=0"), true, true),
            (Some("no-cache"), false, true),
            (Some("No-Cache=\"x\", max-age=3"), false, true),
            (Some("max-age=3,no-store"), false, false),
            (Some("no-storey"), true, true),
        ] {
            assert_eq!(read(field), CacheControl { reuse, store }, "{field:?}");
        }
    }
}
