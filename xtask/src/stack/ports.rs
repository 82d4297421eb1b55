use std::{
    collections::BTreeSet,
    fmt,
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    sync::Mutex,
};

use anyhow::{Context as _, Result};

/// A port that another program listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The part that wants it.
    pub part: &'static str,
    /// The port that something else listens on.
    pub port: u16,
    /// The option that chooses another one.
    pub option: &'static str,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, port, option } = self;
        write!(f, "port {port}, for the {part}, is taken by another program: choose another one with {option} PORT")
    }
}

/// Which of the wanted ports are taken, or wanted twice.
pub fn check(wanted: &[Taken]) -> Vec<Taken> {
    let mut seen = BTreeSet::new();
    wanted.iter().filter(|want| !is_free(want.port) || !seen.insert(want.port)).copied().collect()
}

/// Ports given out by this process: tests ask from several threads, and a port is free until its part listens.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Where ports are looked for: below those that Linux, macOS and IANA (RFC 6335, section 6) give to connections, one of
/// which may have a free port before its part listens.
const RANGE: Range<u16> = 20_000..30_000;

/// A port of the loopback that nobody listens on, and that was not given out before.
pub fn free() -> Result<u16> {
    let mut given = GIVEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Programs that run at the same time begin at different places.
    let first = std::process::id().wrapping_mul(7_919) as usize % RANGE.len();
    let port = RANGE.skip(first).chain(RANGE.take(first)).find(|port| !given.contains(port) && is_free(*port));
    let port = port.with_context(|| format!("every port from {} to {} is taken", RANGE.start, RANGE.end))?;
    given.insert(port);
    Ok(port)
}

/// A listener on every address would share the port with ours and take half of the calls.
fn is_free(port: u16) -> bool {
    [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED].iter().all(|address| TcpListener::bind((*address, port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(port: u16) -> Taken {
        Taken { part: "edge", port, option: "--edge-port" }
    }

    #[test]
    fn taken_ports_are_found_and_named() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = listener.local_addr().unwrap().port();
        let free = free().unwrap();
        assert_eq!(check(&[want(taken), want(free)]), [want(taken)]);
        assert!(want(taken).to_string().contains("--edge-port"));
        assert_eq!(check(&[want(free), want(free)]), [want(free)], "one port cannot serve two parts");
    }

    #[test]
    fn no_port_is_given_out_twice() {
        let ports: Vec<u16> = (0..50).map(|_| free().unwrap()).collect();
        assert!(ports.iter().all(|port| RANGE.contains(port)), "{ports:?}");
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
    }
}
