use std::sync::OnceLock;

use anyhow::{Result, anyhow};

use crate::{
    console::Console,
    repository::Repository,
    stack::{Deployment, LocalStack, free_port},
};

/// One LocalStack for every check that needs one, started by whoever asks first; the others wait for it.
pub(super) struct SharedLocalStack<'a> {
    repository: &'a Repository,
    started: OnceLock<Result<LocalStack, String>>,
}

impl<'a> SharedLocalStack<'a> {
    pub(super) fn new(repository: &'a Repository) -> Self {
        Self { repository, started: OnceLock::new() }
    }

    /// Where it listens.
    pub(super) fn endpoint(&self) -> Result<&str> {
        match self.started.get_or_init(|| start(self.repository).map_err(|error| format!("{error:#}"))) {
            Ok(localstack) => Ok(localstack.endpoint()),
            Err(error) => Err(anyhow!("{error}")),
        }
    }
}

/// Starts one and deploys a first stack, which takes ten times as long as any later one.
fn start(repository: &Repository) -> Result<LocalStack> {
    let log = repository.step_log("test-localstack");
    let _ = std::fs::remove_file(&log);
    let localstack = LocalStack::start(repository, free_port()?, &repository.run("test/localstack"), &log)?;
    let log = repository.step_log("test-infra");
    Deployment::deploy(repository, Console::quiet(), localstack.endpoint(), &["first".to_owned()], &log)?;
    Ok(localstack)
}
