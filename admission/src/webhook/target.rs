//! Where deliveries may go: to public servers, by HTTPS.
//!
//! The URL was taken apart by the runtime's own parser (WHATWG URL), so `0x7f.1`, `2130706433` and `127.0.0.1` are one
//! host here as they are for `fetch`.

use std::net::IpAddr;

use super::address::{Purpose, purpose};
use crate::refusal::quoted;

/// Below it ports belong to other protocols; a web server for others than one's own machine is at 443 or above it.
const FIRST_FREE_PORT: u16 = 1024;
/// RFC 1035 §2.3.4.
const LONGEST_NAME: usize = 253;
/// Ends of names that no public server has: RFC 6761, RFC 6762, RFC 8375, RFC 7686, ICANN's reservation of `internal`, and
/// what routers and offices make up.
const PRIVATE_ENDS: [&str; 15] = [
    "localhost",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "localdomain",
    "home.arpa",
    "invalid",
    "test",
    "example",
    "onion",
    "alt",
];
/// Names of metadata services that look public.
const METADATA: [&str; 2] = ["metadata.goog", "metadata.azure.com"];

/// A URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The scheme, without its colon.
    pub scheme: String,
    /// Whether it names a user or a password.
    pub credentials: bool,
    /// The host: a name in lower case and ASCII, an IPv4 address in four parts, or an IPv6 address in brackets.
    pub host: String,
    /// The port, where it is not the scheme's own.
    pub port: Option<u16>,
    /// The whole URL as it is fetched, without a fragment.
    pub href: String,
}

/// What the operator allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// This machine, by plain HTTP too: for local use.
    pub loopback: bool,
}

/// What is left to be found out about a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Nothing: it is an address, or this machine.
    Known,
    /// The addresses of its name.
    Named,
}

/// Checks all that can be seen in the URL; a refusal says what is wrong with it.
pub fn check(target: &Parsed, rules: Rules) -> Result<Host, String> {
    if !matches!(target.scheme.as_str(), "https" | "http") {
        return Err(format!("{} is not HTTPS: deliveries are posted by HTTPS alone", quoted(&target.scheme)));
    }
    if target.credentials {
        return Err("the URL names a user or a password: put what recognizes us into its path or query".to_owned());
    }
    let name = target.host.strip_suffix('.').unwrap_or(&target.host);
    let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    let here = match literal {
        Some(address) => purpose(address) == Purpose::Loopback,
        None => name == "localhost" || name.ends_with(".localhost"),
    };
    let own_machine = here && rules.loopback;
    if !own_machine {
        match literal {
            Some(address) => public(address)?,
            None => check_name(name)?,
        }
        if target.scheme != "https" {
            return Err("the URL is plain HTTP: deliveries are posted by HTTPS alone".to_owned());
        }
    }
    match target.port {
        Some(port) if port < FIRST_FREE_PORT && !(own_machine && port == 80) => {
            Err(format!("port {port} belongs to another protocol: use 443, or one from {FIRST_FREE_PORT} on"))
        }
        _ if own_machine || literal.is_some() => Ok(Host::Known),
        _ => Ok(Host::Named),
    }
}

/// Checks what a name leads to: one address that is refused refuses the name.
pub fn check_addresses(addresses: &[IpAddr]) -> Result<(), String> {
    addresses.iter().try_for_each(|address| public(*address))
}

fn public(address: IpAddr) -> Result<(), String> {
    match purpose(address) {
        Purpose::Public => Ok(()),
        purpose => Err(format!("{address} is {}: nothing is sent there", purpose.words())),
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let ends = |end: &str| name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err(format!("the host must have 1 to {LONGEST_NAME} characters"));
    }
    if !name.contains('.') || PRIVATE_ENDS.into_iter().any(ends) || METADATA.into_iter().any(ends) {
        return Err(format!("{} is the name of no public server: nothing is sent there", quoted(name)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the runtime's parser leaves it; only what the tables below need.
    fn parsed(url: &str) -> Parsed {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, authority) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            _ => (authority, None),
        };
        Parsed {
            scheme: scheme.to_owned(),
            credentials: !user.is_empty(),
            host: host.to_owned(),
            port,
            href: url.to_owned(),
        }
    }

    fn checked(url: &str, loopback: bool) -> Result<Host, String> {
        check(&parsed(url), Rules { loopback })
    }

    #[test]
    fn public_servers_are_told_by_https() {
        for (url, expect) in [
            ("https://hooks.acme.com/in?from=forebay", Host::Named),
            ("https://hooks.acme.com./in", Host::Named),
            ("https://xn--bcher-kva.de:8443/", Host::Named),
            ("https://acme.com:1024/", Host::Named),
            ("https://9.9.9.9/", Host::Known),
            ("https://[2606:4700:4700::1111]:9443/", Host::Known),
        ] {
            assert_eq!(checked(url, false), Ok(expect), "{url}");
            assert_eq!(checked(url, true), Ok(expect), "{url}");
        }
    }

    #[test]
    fn whatever_else_is_refused_and_named() {
        let long = format!("https://{}.com/", "a.".repeat(130));
        for (url, word) in [
            ("http://hooks.acme.com/", "HTTPS"),
            ("ftp://hooks.acme.com/", "`ftp`"),
            ("https://me@hooks.acme.com/", "user"),
            ("https://:secret@hooks.acme.com/", "user"),
            ("https:///path", "host"),
            ("https://./", "host"),
            (long.as_str(), "host"),
            ("https://hooks.acme.com:22/", "port 22"),
            ("https://hooks.acme.com:80/", "port 80"),
            ("https://hooks.acme.com:0/", "port 0"),
            ("https://hooks.acme.com:1023/", "port 1023"),
            ("https://10.0.0.7/", "10.0.0.7 is a private address"),
            ("https://169.254.169.254/latest/meta-data/", "metadata"),
            ("https://100.64.0.1/", "private"),
            ("https://0.0.0.0/", "reserved"),
            ("https://255.255.255.255/", "reserved"),
            ("https://[fc00::1]/", "private"),
            ("https://[fe80::1]/", "link-local"),
            ("https://[::]/", "reserved"),
            ("https://[::ffff:7f00:1]/", "IPv4"),
            ("https://[64:ff9b::a00:1]/", "IPv4"),
            ("https://[2002:7f00:1::]/", "IPv4"),
            ("https://metadata/", "`metadata`"),
            ("https://metadata.google.internal/", "metadata.google.internal"),
            ("https://metadata.google.internal./", "metadata.google.internal"),
            ("https://metadata.goog/", "metadata.goog"),
            ("https://intranet/", "`intranet`"),
            ("https://printer.local/", "printer.local"),
            ("https://db.home.arpa/", "db.home.arpa"),
            ("https://local/", "`local`"),
        ] {
            for loopback in [false, true] {
                let refusal = checked(url, loopback).unwrap_err();
                assert!(refusal.contains(word), "{url}: {refusal}");
            }
        }
    }

    #[test]
    fn this_machine_is_for_local_use_alone() {
        for url in [
            "https://127.0.0.1/",
            "http://127.9.9.9:8080/in",
            "http://localhost/",
            "http://localhost.:3000/",
            "http://hooks.localhost:3000/",
            "http://[::1]:3000/",
        ] {
            assert_eq!(checked(url, true), Ok(Host::Known), "{url}");
            assert!(checked(url, false).is_err(), "{url}");
        }
        assert!(checked("http://127.0.0.1:25/", true).is_err());
        assert!(checked("http://notlocalhost:8080/", true).is_err());
        assert!(checked("http://127.0.0.1.nip.io/", true).is_err(), "plain HTTP to a name");
    }

    #[test]
    fn one_address_that_is_refused_refuses_the_name() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        assert_eq!(check_addresses(&addresses(&["9.9.9.9", "2620:fe::fe"])), Ok(()));
        for other in ["10.0.0.1", "127.0.0.1", "::1", "::ffff:9.9.9.9"] {
            assert!(check_addresses(&addresses(&["9.9.9.9", other])).unwrap_err().contains("is a"), "{other}");
        }
    }
}
