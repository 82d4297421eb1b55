//! `Sec-WebSocket-Protocol`: how a browser, which cannot set other fields, says who it is.

/// What we speak.
const PROTOCOL: &str = "forebay.v1";
/// Comes before the credentials.
const BEARER: &str = "forebay.bearer.";

/// What a client offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The protocol to be selected; `None` when none was offered.
    pub selected: Option<&'static str>,
    /// The value that an `Authorization` field would have.
    pub authorization: Option<String>,
}

/// Reads the field. The credentials are never selected, so they are not said back.
pub fn read(field: Option<&str>) -> Offer {
    let offered = || field.unwrap_or_default().split(',').map(str::trim);
    Offer {
        selected: offered().any(|name| name == PROTOCOL).then_some(PROTOCOL),
        authorization: offered().find_map(|name| name.strip_prefix(BEARER)).map(|token| format!("Bearer {token}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_and_not_selected() {
        for (field, selected, authorization) in [
            (None, None, None),
            (Some("forebay.v1"), Some("forebay.v1"), None),
            (Some("forebay.v1, forebay.bearer.fb_12"), Some("forebay.v1"), Some("Bearer fb_12")),
            (Some("forebay.bearer.a.b.c"), None, Some("Bearer a.b.c")),
            (Some("graphql-ws"), None, None),
        ] {
            let offer = Offer { selected, authorization: authorization.map(str::to_owned) };
            assert_eq!(read(field), offer, "{field:?}");
        }
    }
}
