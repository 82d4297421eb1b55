use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Result;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    http1::Connection,
    jobs::{Jobs, Payload},
};
use crate::{
    build::cargo,
    process::{Failure, Group, interrupt},
    repository::Repository,
    stack::free_port,
};

/// Python imports torch, on a busy machine, for a second time.
const START: Duration = Duration::from_secs(300);

/// Who serves the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    Forebay,
    Mosec,
    LitServe,
    BentoMl,
}

impl Product {
    pub(super) const RIVALS: [Self; 3] = [Self::Mosec, Self::LitServe, Self::BentoMl];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Forebay => "forebay",
            Self::Mosec => "mosec",
            Self::LitServe => "litserve",
            Self::BentoMl => "bentoml",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Forebay => "/",
            Self::Mosec => "/inference",
            Self::LitServe => "/predict",
            Self::BentoMl => "/run",
        }
    }

    /// The job as the product's own documentation has clients send it.
    fn request(self, payload: &Payload) -> Vec<u8> {
        let base64 = || STANDARD.encode(&payload.bytes);
        let json = Some("application/json");
        let (media_type, body) = match self {
            Self::Forebay | Self::Mosec => (payload.media_type, payload.bytes.clone()),
            Self::LitServe => (json, format!("{{\"data\":\"{}\"}}", base64()).into_bytes()),
            Self::BentoMl => (json, format!("{{\"data\":[\"{}\"]}}", base64()).into_bytes()),
        };
        let media_type = media_type.map(|name| format!("Content-Type: {name}\r\n")).unwrap_or_default();
        let (path, length) = (self.path(), body.len());
        let head = format!("POST {path} HTTP/1.1\r\nHost: bench\r\n{media_type}Content-Length: {length}\r\n\r\n");
        [head.into_bytes(), body].concat()
    }

    fn command(self, repository: &Repository, model: &str, port: u16) -> Command {
        let script = |name: &str| repository.path("xtask/rivals").join(name);
        let mut python = Command::new(repository.tool("rivals/bin/python"));
        let port = port.to_string();
        match self {
            Self::Forebay => {
                let mut serve = cargo(repository);
                serve.args(["bench", "--quiet", "--package", "forebay-backend", "--bench", "serve", "--"]);
                serve.args(["--port", &port, "--model", model, "--device-threads", &cores().to_string()]);
                serve.arg("--models-dir").arg(repository.path("models"));
                return serve;
            }
            Self::Mosec => python.arg(script("mosec_server.py")),
            Self::LitServe => python.arg(script("litserve_server.py")),
            Self::BentoMl => {
                python.args(["-m", "bentoml", "serve", "bentoml_server:Rival", "--host", "127.0.0.1", "--port", &port])
            }
        };
        python
            .current_dir(repository.path("xtask/rivals"))
            .env("RIVAL_MODEL", repository.path("models").join(model).join("1"))
            .env("RIVAL_THREADS", cores().to_string())
            .env("RIVAL_PORT", &port)
            .env("BENTOML_HOME", repository.run("bench/bentoml"))
            .env("BENTOML_DO_NOT_TRACK", "True");
        python
    }
}

/// One model behind one product.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) product: Product,
    pub(super) address: SocketAddr,
    /// Every job's request, in the order in which they are sent again and again.
    pub(super) requests: Vec<Vec<u8>>,
    group: Group,
}

impl Server {
    /// Starts it and waits for its first answer.
    pub(super) fn start(repository: &Repository, product: Product, jobs: &Jobs) -> Result<Self> {
        let port = free_port()?;
        let mut command = product.command(repository, jobs.model, port);
        // Spinning threads on shared cores make everything wait for everything.
        command.env("OMP_WAIT_POLICY", "passive");
        let log = repository.run("bench/rivals").join(format!("{}-{}.log", jobs.model, product.name()));
        let group = Group::spawn(product.name(), &mut command, &log)?;
        let requests = jobs.payloads.iter().map(|payload| product.request(payload)).collect();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut this = Self { product, address, requests, group };
        this.wait_ready()?;
        Ok(this)
    }

    /// Whoever is not being measured stands still: some look for work all the time.
    pub(super) fn freeze(&self) {
        self.group.freeze();
    }

    pub(super) fn thaw(&self) {
        self.group.thaw();
    }

    /// The request of each number.
    pub(super) fn request(&self, number: u64) -> Vec<u8> {
        let place = usize::try_from(number).unwrap_or(0) % self.requests.len().max(1);
        self.requests.get(place).cloned().unwrap_or_default()
    }

    fn wait_ready(&mut self) -> Result<()> {
        let first = self.request(0);
        let found = interrupt::poll(Instant::now() + START, Duration::from_millis(200), || {
            self.group.check_alive()?;
            let answer = Connection::open(self.address).and_then(|mut connection| connection.exchange(&first));
            Ok(matches!(answer, Ok(200)).then_some(()))
        })?;
        if found.is_none() {
            let what = format!("did not answer within {} s", START.as_secs());
            return Err(Failure::new(self.product.name(), what, self.group.log()).into());
        }
        Ok(())
    }
}

pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_product_gets_the_same_job_in_its_own_form() {
        let payload = Payload { media_type: Some("text/plain"), bytes: b"water".to_vec() };
        for (product, end) in [
            (Product::Forebay, "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nwater"),
            (Product::Mosec, "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nwater"),
            (Product::LitServe, "Content-Length: 19\r\n\r\n{\"data\":\"d2F0ZXI=\"}"),
            (Product::BentoMl, "Content-Length: 21\r\n\r\n{\"data\":[\"d2F0ZXI=\"]}"),
        ] {
            let request = String::from_utf8(product.request(&payload)).unwrap();
            assert!(request.ends_with(end), "{request}");
        }
    }
}
