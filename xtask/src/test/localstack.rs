use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::{Result, anyhow};

use crate::{
    console::Console,
    repository::Repository,
    stack::{Deploying, Deployment, LocalStack, free_port},
};

/// One LocalStack for every check that needs one, started by whoever asks first; the others wait for it.
pub(super) struct SharedLocalStack<'a> {
    repository: &'a Repository,
    /// How many stacks are deployed as it starts.
    stacks: usize,
    started: OnceLock<Result<Started, String>>,
}

/// A LocalStack with stacks that are nobody's yet.
pub(super) struct Started {
    localstack: LocalStack,
    outputs: PathBuf,
}

impl Started {
    /// The URL that the checks reach it by.
    pub(super) fn endpoint(&self) -> &str {
        self.localstack.endpoint()
    }

    /// The file of what was deployed.
    pub(super) fn outputs(&self) -> &Path {
        &self.outputs
    }
}

impl<'a> SharedLocalStack<'a> {
    pub(super) fn new(repository: &'a Repository, stacks: usize) -> Self {
        Self { repository, stacks, started: OnceLock::new() }
    }

    pub(super) fn started(&self) -> Result<&Started> {
        let start = || start(self.repository, self.stacks).map_err(|error| format!("{error:#}"));
        self.started.get_or_init(start).as_ref().map_err(|error| anyhow!("{error}"))
    }
}

/// Starts one and deploys first stacks: the very first takes ten times as long as any later one.
fn start(repository: &Repository, stacks: usize) -> Result<Started> {
    let log = repository.step_log("test-localstack");
    let _ = std::fs::remove_file(&log);
    let localstack = LocalStack::start(repository, free_port()?, &repository.run("test/localstack"), &log)?;
    let log = repository.step_log("test-infra");
    let prefixes: Vec<String> = (1..=stacks).map(|number| format!("first-{number}")).collect();
    let wanted = Deploying { endpoint: localstack.endpoint(), prefixes: &prefixes, templates: None, log: &log };
    Deployment::deploy(repository, Console::quiet(), &wanted)?;
    Ok(Started { localstack, outputs: Deployment::outputs(&log) })
}
