//! Which proxy stands between here and the service, of the variables that curl reads too.

use hyper::{Uri, header::HeaderValue};
use hyper_util::client::proxy::matcher::Matcher;

use super::error::Error;

/// A proxy that is asked for a tunnel.
#[derive(Debug, Clone)]
pub(super) struct Proxy {
    /// Where it is; without credentials.
    pub(super) uri: Uri,
    pub(super) auth: Option<HeaderValue>,
    /// The variable that names it.
    pub(super) variable: &'static str,
}

impl Proxy {
    /// The proxy for a service, where there is to be one: for HTTPS alone.
    pub(super) fn of(url: &Uri, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Error> {
        if url.scheme_str() != Some("https") {
            return Ok(None);
        }
        let set = |name: &'static str| Some((name, variable(name).filter(|text| !text.trim().is_empty())?));
        let first = |names: &[&'static str]| names.iter().find_map(|name| set(name));
        let Some((name, named)) = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) else {
            return Ok(None);
        };
        let exceptions = first(&["NO_PROXY", "no_proxy"]).map(|(_, list)| list).unwrap_or_default();
        let Some(exceptions) = exceptions_for(&exceptions, url.port_u16().unwrap_or(443)) else { return Ok(None) };
        // What is set may hold a password: it is not shown.
        let unfit = |why: &str| Error::Invalid(format!("{name} {why}: write it as http://HOST:PORT"));
        let matcher = |no: String| Matcher::builder().https(named.trim()).no(no).build();
        let Some(found) = matcher(String::new()).intercept(url) else { return Err(unfit("is no address of a proxy")) };
        if matcher(exceptions).intercept(url).is_none() {
            return Ok(None);
        }
        if found.uri().scheme_str() != Some("http") {
            return Err(unfit("names a proxy that speaks something else than plain HTTP"));
        }
        Ok(Some(Self { uri: found.uri().clone(), auth: found.basic_auth().cloned(), variable: name }))
    }

    /// What people know it by.
    pub(super) fn shown(&self) -> String {
        let place = self.uri.authority().map(ToString::to_string).unwrap_or_default();
        format!("the proxy {place} (of {})", self.variable)
    }

    /// Why it gave no tunnel, where that is what went wrong.
    pub(super) fn refusal(&self, host: &str, error: &(dyn std::error::Error + 'static)) -> Option<Error> {
        let chain = std::iter::successors(Some(error), |error| error.source());
        let why =
            chain.map(ToString::to_string).find_map(|text| Some(text.strip_prefix("tunnel error: ")?.to_owned()))?;
        let proxy = self.shown();
        Some(match why.as_str() {
            "proxy authorization required" => Error::Foreign(format!(
                "{proxy} wants a user and a password: {}=http://USER:PASSWORD@HOST:PORT",
                self.variable
            )),
            "unsuccessful" => Error::Unanswered(format!(
                "{proxy} refuses a connection to {host}: have it allowed there, or name the host in NO_PROXY"
            )),
            "failed to create underlying connection" => {
                Error::Unanswered(format!("{proxy} does not answer: {}", innermost(error)))
            }
            why => Error::Unanswered(format!("{proxy} gave no connection to {host}: {why}")),
        })
    }
}

/// The innermost reason: what is around it says «client error» alone.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source()).last().map(ToString::to_string).unwrap_or_default()
}

/// What of a `NO_PROXY` is said of services at `port`, as the library reads it; `None`: there is no proxy for any.
///
/// As curl has it: names with all below them, addresses and networks, parted by commas or blanks, and `*` for all of
/// them, also where the host is an address. As others have it besides: `*.example.com`, and `HOST:PORT` for one port.
fn exceptions_for(list: &str, port: u16) -> Option<String> {
    let mut entries = Vec::new();
    for entry in list.split(|char: char| char == ',' || char.is_whitespace()).filter(|entry| !entry.is_empty()) {
        let (host, only) = match entry.rsplit_once(':') {
            // Anything else with a colon is an address of IPv6.
            Some((host, only)) if !host.contains(':') || host.ends_with(']') => (host, only.parse().ok()),
            _ => (entry, Some(port)),
        };
        if only != Some(port) {
            continue;
        }
        if host == "*" {
            return None;
        }
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        entries.push(host.strip_prefix('*').unwrap_or(host).trim_end_matches('.').to_owned());
    }
    Some(entries.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a request goes first: to the service itself, or to a proxy.
    fn way(url: &str, variables: &[(&str, &str)]) -> String {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        match Proxy::of(&url.parse().unwrap(), variable) {
            Ok(None) => "direct".to_owned(),
            Ok(Some(proxy)) => proxy.shown(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_proxy_is_named_without_its_password() {
        const PROXY: &str = "http://ann:secret@proxy.example:3128";
        for (url, variables, expect) in [
            ("https://a.example", &[][..], "direct"),
            ("http://a.example", &[("HTTPS_PROXY", PROXY)], "direct"),
            ("https://a.example", &[("HTTPS_PROXY", PROXY)], "the proxy proxy.example:3128 (of HTTPS_PROXY)"),
            ("https://a.example", &[("all_proxy", "p:1"), ("HTTPS_PROXY", " ")], "the proxy p:1 (of all_proxy)"),
            ("https://a.example", &[("https_proxy", "p:1"), ("ALL_PROXY", "q:1")], "the proxy p:1 (of https_proxy)"),
        ] {
            assert_eq!(way(url, variables), expect, "{variables:?}");
        }
        for proxy in ["http://ann:secret@pro xy", "socks5://ann:secret@p:1", "ftp://ann:secret@p:1"] {
            let text = way("https://a.example", &[("HTTPS_PROXY", proxy)]);
            assert!(text.contains("write it as http://HOST:PORT") && !text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn who_is_excepted_is_reached_without_a_proxy() {
        for (url, list, is_direct) in [
            ("https://jobs.example.com", "*", true),
            ("https://127.0.0.1:8443", "*", true),
            ("https://[::1]:8443", "*", true),
            ("https://127.0.0.1", "a.example, *", true),
            ("https://jobs.example.com", "example.com", true),
            ("https://jobs.example.com", ".example.com", true),
            ("https://jobs.example.com", "*.example.com", true),
            ("https://jobs.example.com", "EXAMPLE.com.", true),
            ("https://example.com", ".example.com", true),
            ("https://notexample.com", "example.com", false),
            ("https://jobs.example.com", "a.example b.example jobs.example.com", true),
            ("https://jobs.example.com", "jobs.example.com:443", true),
            ("https://jobs.example.com:8443", "jobs.example.com:443", false),
            ("https://jobs.example.com:8443", "jobs.example.com:8443", true),
            ("https://jobs.example.com", "*:8443", false),
            ("https://10.1.2.3", "10.0.0.0/8", true),
            ("https://10.1.2.3", "192.168.0.0/16 10.0.0.0/8", true),
            ("https://11.1.2.3", "10.0.0.0/8", false),
            ("https://10.1.2.3", "10.1.2.3", true),
            ("https://10.1.2.3:8443", "10.1.2.3:8443", true),
            ("https://10.1.2.3:8443", "10.1.2.3:443", false),
            ("https://[fd00::1]", "fd00::/8", true),
            ("https://[fd00::1]", "fd00::1", true),
            ("https://[fd00::1]:8443", "[fd00::1]:8443", true),
            ("https://[fd00::1]:8443", "[fd00::1]:443", false),
            ("https://jobs.example.com", ",, ,", false),
            ("https://jobs.example.com", "", false),
        ] {
            let found = way(url, &[("HTTPS_PROXY", "p:1"), ("NO_PROXY", list)]);
            assert_eq!(found == "direct", is_direct, "{url} {list:?}: {found}");
        }
    }
}
