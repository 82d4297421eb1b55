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
    stack::{Deployment, free_port},
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

/// Where the edge's queues and bucket are.
struct Aws<'a> {
    /// The constant of `config.capnp`.
    config: &'a str,
    queue_url_prefix: &'a str,
    bucket_url: &'a str,
}

impl Workerd {
    /// Queue and bucket are a little Worker that takes everything.
    pub(super) fn start(repository: &Repository) -> Result<Self> {
        let (queue_url_prefix, bucket_url) = ("http://sink/queue/bench", "http://sink/bucket");
        Self::serve(repository, &Aws { config: "config", queue_url_prefix, bucket_url })
    }

    /// Queue and bucket are a deployment's.
    pub(super) fn over(repository: &Repository, deployment: &Deployment) -> Result<Self> {
        let Deployment { queue_url_prefix, bucket_url, .. } = deployment;
        Self::serve(repository, &Aws { config: "overAws", queue_url_prefix, bucket_url })
    }

    /// The process id of workerd.
    pub(super) fn id(&self) -> u32 {
        self.group.id()
    }

    fn serve(repository: &Repository, aws: &Aws<'_>) -> Result<Self> {
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
            .args(["serve", "bench/config.capnp", aws.config])
            .env("QUEUE_URL_PREFIX", aws.queue_url_prefix)
            .env("BUCKET_URL", aws.bucket_url)
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
