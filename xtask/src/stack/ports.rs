use std::{
    collections::BTreeSet,
    fmt,
    net::{Ipv4Addr, TcpListener},
    sync::Mutex,
};

use anyhow::Result;

/// A port that another program listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The part that wants it.
    pub part: &'static str,
    /// The port.
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

/// A port of the loopback that nobody listens on, and that was not given out before.
pub fn free() -> Result<u16> {
    loop {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        if GIVEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(port) {
            return Ok(port);
        }
    }
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
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
    }
}
