use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use nix::sys::signal::Signal;

use super::Deployment;
use crate::process::{Failure, Group, interrupt};

/// How long a worker may take until it polls: it loads libtorch.
const START: Duration = Duration::from_secs(120);

/// What a worker needs to know.
#[derive(Debug, Clone)]
pub struct WorkerOptions<'a> {
    /// The worker's name, in its log and in reports.
    pub name: &'a str,
    /// `forebay-worker`.
    pub binary: &'a Path,
    /// Where jobs come from and results go.
    pub deployment: &'a Deployment,
    /// The edge that it reports to.
    pub edge_url: &'a str,
    /// What reports are signed with.
    pub report_secret: &'a str,
    /// The models it offers.
    pub models: &'a Path,
    /// Where its log goes.
    pub log: PathBuf,
    /// Arguments besides those that every worker here has.
    pub arguments: &'a [&'a str],
    /// Variables besides those that every worker here has.
    pub environment: &'a [(&'a str, &'a str)],
}

/// A running `forebay-worker`.
#[derive(Debug)]
pub struct Worker {
    group: Group,
    /// Where its lines begin in the log, which may hold those of one before it.
    from: u64,
}

impl Worker {
    /// Starts a worker and waits until it polls.
    pub fn start(options: &WorkerOptions<'_>) -> Result<Self> {
        let mut worker = Self::launch(options)?;
        worker.wait_ready()?;
        Ok(worker)
    }

    /// Starts a worker without waiting.
    pub fn launch(options: &WorkerOptions<'_>) -> Result<Self> {
        let mut command = Command::new(options.binary);
        command
            .envs(options.deployment.client_environment())
            .env("FOREBAY_QUEUE_URL_PREFIX", &options.deployment.queue_url_prefix)
            .env("FOREBAY_BUCKET", &options.deployment.bucket)
            .env("FOREBAY_MODELS_DIR", options.models)
            .env("FOREBAY_REPORT_SECRET", options.report_secret)
            // Spinning threads on shared cores make everything wait for everything.
            .env("OMP_WAIT_POLICY", "passive")
            // A developer's GPU may have no driver for CUDA.
            .env("FOREBAY_DEVICE", std::env::var_os("FOREBAY_DEVICE").unwrap_or_else(|| "any".into()))
            .envs(options.environment.iter().copied())
            .args(["--worker-name", options.name]);
        if !options.arguments.contains(&"--edge-url") {
            command.args(["--edge-url", options.edge_url]);
        }
        command.args(options.arguments);
        let from = std::fs::metadata(&options.log).map_or(0, |log| log.len());
        Ok(Self { group: Group::spawn(options.name, &mut command, &options.log)?, from })
    }

    /// Waits until the worker polls its queues.
    pub fn wait_ready(&mut self) -> Result<()> {
        self.wait_for_line("\"message\":\"ready\"", START)
    }

    /// Waits until some line that this worker logged holds `text`.
    pub fn wait_for_line(&mut self, text: &str, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        let found = interrupt::poll(deadline, Duration::from_millis(50), || {
            let log = std::fs::read(self.group.log()).unwrap_or_default();
            let own = log.get(usize::try_from(self.from)?..).unwrap_or_default();
            if String::from_utf8_lossy(own).lines().any(|line| line.contains(text)) {
                return Ok(Some(()));
            }
            self.group.check_alive()?;
            Ok(None)
        })?;
        if found.is_none() {
            let what = format!("did not say {text} within {} s", patience.as_secs());
            return Err(Failure::new(self.group.name(), what, self.group.log()).into());
        }
        Ok(())
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        self.group.kill();
    }

    /// Asks it to drain and end, and waits for that.
    pub fn terminate(&mut self, patience: Duration) -> Result<()> {
        self.group.signal_leader(Signal::SIGTERM)?;
        let status = self.group.wait_until(Instant::now() + patience)?;
        self.group.kill();
        ensure!(status.is_some_and(|status| status.success()), "{} did not end well: {status:?}", self.group.name());
        Ok(())
    }

    /// The processes that the worker consists of.
    pub fn group(&mut self) -> &mut Group {
        &mut self.group
    }
}
