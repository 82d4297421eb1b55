use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{
    process::{Failure, Group, interrupt},
    repository::Repository,
    stack::free_port,
};

/// The built edge and its floors in one raw workerd: `edge/bench/config.capnp`. Never through the development proxy, whose
/// own limit lies far below.
#[derive(Debug)]
pub(super) struct Workerd {
    pub(super) edge: SocketAddr,
    pub(super) floor: SocketAddr,
    pub(super) cache_floor: SocketAddr,
    group: Group,
}

impl Workerd {
    pub(super) fn start(repository: &Repository) -> Result<Self> {
        let folder = repository.run("bench/edge");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(folder.join("objects"))?;
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let [edge, floor, cache_floor] = [free_port()?, free_port()?, free_port()?].map(local);
        // Not the script in .bin, which would run under the machine's Node.
        let mut workerd = Command::new(repository.path("edge/node_modules/workerd/bin/workerd"));
        workerd
            .args(["serve", "bench/config.capnp", "config"])
            .arg("--directory-path")
            .arg(format!("disk={}", folder.join("objects").display()))
            .args(["--socket-addr", &format!("edge={edge}"), "--socket-addr", &format!("floor={floor}")])
            .args(["--socket-addr", &format!("cache-floor={cache_floor}")])
            .current_dir(repository.path("edge"));
        let group = Group::spawn("workerd", &mut workerd, &folder.join("workerd.log"))?;
        let mut this = Self { edge, floor, cache_floor, group };
        this.wait_ready()?;
        Ok(this)
    }

    /// An error if it ended by itself.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        self.group.check_alive()
    }

    fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        for address in [self.edge, self.floor, self.cache_floor] {
            let found = interrupt::poll(deadline, Duration::from_millis(20), || {
                self.group.check_alive()?;
                Ok(TcpStream::connect(address).ok().map(|_| ()))
            })?;
            if found.is_none() {
                bail!(Failure::new("workerd", format!("did not listen on {address}"), self.group.log()));
            }
        }
        Ok(())
    }
}
