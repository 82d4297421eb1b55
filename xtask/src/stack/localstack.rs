use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::Http;
use crate::{
    process::{Failure, Group, interrupt},
    repository::Repository,
};

/// How long LocalStack may take: its first start on a machine compiles its Python.
const START: Duration = Duration::from_secs(120);

/// A running LocalStack: SQS, S3 and CloudFormation on one port of the loopback.
#[derive(Debug)]
pub struct LocalStack {
    group: Group,
    endpoint: String,
    port: u16,
}

impl LocalStack {
    /// Starts one that keeps its files below `folder`, and waits until it answers.
    pub fn start(repository: &Repository, port: u16, folder: &Path, log: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut command = Command::new(repository.tool("localstack/bin/python"));
        command
            .arg(repository.path("localstack/run.py"))
            .args(["--port", &port.to_string()])
            .arg("--state-dir")
            .arg(folder)
            .current_dir(repository.root());
        let group = Group::spawn("localstack", &mut command, log)?;
        let mut this = Self { group, endpoint: format!("http://127.0.0.1:{port}"), port };
        this.wait_ready()?;
        Ok(this)
    }

    /// The address of all services.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Ends it. It keeps nothing, so there is nothing to wait for.
    pub fn stop(&mut self) {
        self.group.stop(Duration::from_millis(500));
    }

    /// From now on it answers nobody, and connections to it hang, until [`Self::thaw`]: it keeps nothing over an end, so
    /// this is how queues and bucket go away and come back as they were.
    pub fn freeze(&self) {
        self.group.freeze();
    }

    /// It goes on where it was.
    pub fn thaw(&self) {
        self.group.thaw();
    }

    /// The processes that LocalStack consists of.
    pub fn group(&mut self) -> &mut Group {
        &mut self.group
    }

    /// Where its log goes.
    pub fn log(&self) -> PathBuf {
        self.group.log().to_path_buf()
    }

    fn wait_ready(&mut self) -> Result<()> {
        let http = Http::new(Duration::from_secs(5));
        let url = format!("{}/_localstack/health", self.endpoint);
        let found = interrupt::poll(Instant::now() + START, Duration::from_millis(100), || {
            self.group.check_alive()?;
            let well = http.get(&url, &[]).is_ok_and(|answer| answer.status == 200);
            if well && !self.group.listens_on(self.port) {
                let what = format!("cannot use port {}: another program answers there", self.port);
                let failure = Failure::new("localstack", what, self.group.log());
                return Err(failure.advise("choose another port for LocalStack").into());
            }
            Ok(well.then_some(()))
        })?;
        if found.is_none() {
            let what = format!("did not answer within {} s", START.as_secs());
            return Err(Failure::new("localstack", what, self.group.log()).into());
        }
        Ok(())
    }
}

impl Drop for LocalStack {
    fn drop(&mut self) {
        self.stop();
    }
}
