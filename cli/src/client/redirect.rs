//! Redirects are not followed, as a key goes nowhere that nobody named. So it is said where they lead.

use hyper::Uri;

/// The most that is shown of where one leads, in bytes.
const MOST_SHOWN: usize = 300;

/// What to do about an answer that leads elsewhere.
pub(super) fn advice(asked: &Uri, location: &str) -> String {
    let from =
        format!("{}://{}", asked.scheme_str().unwrap_or_default(), asked.authority().map_or("", |it| it.as_str()));
    let whole = match location {
        path if path.starts_with("//") => format!("{}:{path}", asked.scheme_str().unwrap_or_default()),
        path if path.starts_with('/') => format!("{from}{path}"),
        location => location.to_owned(),
    };
    let shown: String = whole.chars().filter(|char| !char.is_control()).take(MOST_SHOWN).collect();
    match base_of(asked, &whole) {
        Some(base) if base.len() <= MOST_SHOWN => format!(
            "{from} redirects to {shown}, and redirects are not followed, as they would take the key along: set \
             FOREBAY_URL={base}, or say so with --url or in the profile"
        ),
        _ => format!("{from} redirects to {shown}, where no such service is: look at its address"),
    }
}

/// The address of a service at which the same call is what the redirect leads to.
fn base_of<'a>(asked: &Uri, whole: &'a str) -> Option<&'a str> {
    let path = asked.path_and_query()?.as_str();
    let call = path.get(["/internal/", "/v1/"].iter().find_map(|start| path.find(start))?..)?;
    let base = whole.strip_suffix(call)?;
    let is_service = base.parse::<Uri>().is_ok_and(|base| base.scheme().is_some() && base.host().is_some());
    is_service.then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_service_has_moved_to_is_named_as_an_address() {
        const ASKED: &str = "http://a.example/v1/quota?x=1";
        for (asked, location, expect) in [
            (ASKED, "https://a.example/v1/quota?x=1", Some("https://a.example")),
            (ASKED, "//b.example:8/v1/quota?x=1", Some("http://b.example:8")),
            (ASKED, "/below/v1/quota?x=1", Some("http://a.example/below")),
            ("http://a.example/below/v1/quota", "https://a.example/below/v1/quota", Some("https://a.example/below")),
            ("http://a.example/internal/v1/keys", "https://a.example/internal/v1/keys", Some("https://a.example")),
            (ASKED, "https://login.example/?next=/v1/quota", None),
            (ASKED, "https://a.example/", None),
            (ASKED, "v1/quota?x=1", None),
            (ASKED, "", None),
        ] {
            let text = advice(&asked.parse().unwrap(), location);
            assert!(text.starts_with("http://a.example redirects to "), "{text}");
            match expect {
                Some(base) => assert!(text.contains(&format!("set FOREBAY_URL={base}, or")), "{location}: {text}"),
                None => assert!(!text.contains("FOREBAY_URL"), "{location}: {text}"),
            }
        }
        let long = advice(&ASKED.parse().unwrap(), &format!("https://a.example/{}/v1/quota?x=1", "x".repeat(9_000)));
        assert!(long.len() < 500, "{long}");
    }
}
