use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::cargo::{cargo, workspace};
use crate::{
    process::answer,
    repository::Repository,
    setup::{Step, Work},
};

/// A program of the workspace, in the development profile (which optimises what touches every byte). Cargo itself finds
/// out whether there is anything to do.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    step: &'static str,
    binary: &'static str,
    what: &'static str,
    after: &'static [&'static str],
    advice: &'static str,
    /// How many seconds and packages it took in a cold run.
    recorded: (u64, usize),
}

/// What makes the edge's wasm callable from JavaScript.
pub const BINDGEN: Program = Program {
    step: "bindgen",
    binary: "forebay-bindgen",
    what: "building what turns the edge's wasm into a Worker",
    after: &[],
    advice: "see the first error in the log",
    recorded: (20, 27),
};

/// `forebay`, the command line.
pub const CLI: Program = Program {
    step: "cli",
    binary: "forebay",
    what: "building forebay, the command line",
    after: &["bindgen"],
    advice: "see the first error in the log",
    recorded: (15, 12),
};

/// `forebay-worker`.
pub const WORKER: Program = Program {
    step: "worker",
    binary: "forebay-worker",
    what: "building forebay-worker, which runs the models",
    after: &["bindgen", "libtorch"],
    advice: "see the first error in the log; where it is about libtorch, look at what LIBTORCH says",
    recorded: (130, 212),
};

impl Program {
    /// Where cargo puts it.
    pub fn path(&self, repository: &Repository) -> Result<PathBuf> {
        Ok(target_folder(repository)?.join("debug").join(self.binary))
    }
}

impl Step for Program {
    fn name(&self) -> &'static str {
        self.step
    }

    fn what(&self) -> String {
        self.what.to_owned()
    }

    fn advice(&self) -> &'static str {
        self.advice
    }

    fn after(&self) -> &'static [&'static str] {
        self.after
    }

    fn compiles_into(&self) -> Option<&'static str> {
        Some("target/debug")
    }

    fn recorded_secs(&self) -> u64 {
        self.recorded.0
    }

    fn recorded_packages(&self) -> usize {
        self.recorded.1
    }

    fn is_done(&self, _: &Repository) -> Result<bool> {
        Ok(false)
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        work.program(workspace(work.repository, "build").args(["--locked", "--bin", self.binary]))
    }
}

/// The folder that cargo builds into.
fn target_folder(repository: &Repository) -> Result<PathBuf> {
    let mut metadata: Command = cargo(repository);
    let said = answer(metadata.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]))
        .context("cargo metadata does not answer")?;
    let metadata: serde_json::Value = serde_json::from_str(&said)?;
    let target =
        metadata.get("target_directory").and_then(|path| path.as_str()).context("cargo says no target folder")?;
    Ok(Path::new(target).to_path_buf())
}
