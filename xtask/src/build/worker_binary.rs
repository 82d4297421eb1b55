use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    process::answer,
    repository::Repository,
    setup::{Fingerprint, Step, Work, libtorch_dir},
};

/// `forebay-worker`, in the development profile (which optimises what touches every byte). Cargo itself finds out
/// whether there is anything to do.
#[derive(Debug, Clone, Copy)]
pub struct WorkerBinary;

impl Step for WorkerBinary {
    fn name(&self) -> &'static str {
        "worker"
    }

    fn what(&self) -> String {
        "building forebay-worker, where something changed (the first time 6 to 10 min)".to_owned()
    }

    fn advice(&self) -> &'static str {
        "see the first error in the log; where it is about libtorch, look at what LIBTORCH says"
    }

    fn after(&self) -> &'static [&'static str] {
        &["libtorch"]
    }

    fn compiles_into(&self) -> Option<&'static str> {
        Some("target/debug")
    }

    fn made_from(&self, _: &Repository) -> Result<Fingerprint> {
        Ok(Fingerprint::new())
    }

    fn makes(&self, _: &Repository) -> Vec<PathBuf> {
        Vec::new()
    }

    fn is_done(&self, _: &Repository) -> Result<bool> {
        Ok(false)
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let mut build = cargo(work.repository);
        work.program(build.args(["build", "--package", "forebay-backend", "--bin", "forebay-worker"]))
    }
}

/// Cargo at the root of the checkout, with the libtorch that set-up found.
pub fn cargo(repository: &Repository) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(repository.root()).env("LIBTORCH", libtorch_dir(repository));
    cargo
}

/// Where cargo puts the worker.
pub fn worker_path(repository: &Repository) -> Result<PathBuf> {
    binary_path(repository, "forebay-worker")
}

/// Where cargo puts a program of the development profile.
pub(super) fn binary_path(repository: &Repository, name: &str) -> Result<PathBuf> {
    let said = answer(cargo(repository).args(["metadata", "--no-deps", "--offline", "--format-version", "1"]))
        .context("cargo metadata does not answer")?;
    let metadata: serde_json::Value = serde_json::from_str(&said)?;
    let target =
        metadata.get("target_directory").and_then(|path| path.as_str()).context("cargo says no target folder")?;
    Ok(PathBuf::from(target).join("debug").join(name))
}
