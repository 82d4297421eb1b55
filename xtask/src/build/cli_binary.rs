use std::path::PathBuf;

use anyhow::Result;

use super::worker_binary::{binary_path, cargo};
use crate::{
    repository::Repository,
    setup::{Fingerprint, Step, Work},
};

/// `forebay`, the command line, in the development profile. Cargo itself finds out whether there is anything to do.
#[derive(Debug, Clone, Copy)]
pub struct CliBinary;

impl Step for CliBinary {
    fn name(&self) -> &'static str {
        "cli"
    }

    fn what(&self) -> String {
        "building forebay, the command line, where something changed (the first time 1 min)".to_owned()
    }

    fn advice(&self) -> &'static str {
        "see the first error in the log"
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
        work.program(cargo(work.repository).args(["build", "--package", "forebay", "--bin", "forebay"]))
    }
}

/// Where cargo puts the command line.
pub fn cli_path(repository: &Repository) -> Result<PathBuf> {
    binary_path(repository, "forebay")
}
