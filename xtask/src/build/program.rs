use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::cargo::{cargo, workspace};
use crate::{
    process::answer,
    repository::Repository,
    setup::{About, Step, Work},
};

/// A program of the workspace, in the development profile (which optimises what touches every byte). Cargo itself finds
/// out whether there is anything to do.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    about: About,
    binary: &'static str,
}

/// What makes the edge's wasm callable from JavaScript.
pub const BINDGEN: Program = Program {
    about: About {
        name: "bindgen",
        what: "building what turns the edge's wasm into a Worker",
        advice: "see the first error in the log",
        after: &[],
        compiles_into: Some("target/debug"),
        recorded_secs: 20,
        recorded_packages: 27,
    },
    binary: "forebay-bindgen",
};

/// `forebay`, the command line.
pub const CLI: Program = Program {
    about: About {
        name: "cli",
        what: "building forebay, the command line",
        advice: "see the first error in the log",
        after: &["bindgen"],
        compiles_into: Some("target/debug"),
        recorded_secs: 15,
        recorded_packages: 12,
    },
    binary: "forebay",
};

/// `forebay-worker`.
pub const WORKER: Program = Program {
    about: About {
        name: "worker",
        what: "building forebay-worker, which runs the models",
        advice: "see the first error in the log; where it is about libtorch, look at what LIBTORCH says",
        after: &["bindgen", "libtorch"],
        compiles_into: Some("target/debug"),
        recorded_secs: 130,
        recorded_packages: 212,
    },
    binary: "forebay-worker",
};

impl Program {
    /// Where cargo puts it.
    pub fn path(&self, repository: &Repository) -> Result<PathBuf> {
        Ok(target_folder(repository)?.join("debug").join(self.binary))
    }
}

impl Step for Program {
    fn about(&self) -> About {
        self.about
    }

    fn is_done(&self, _: &Repository) -> Result<bool> {
        Ok(false)
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        work.program(workspace(work.repository, "build").args(["--locked", "--bin", self.binary]))
    }
}

/// The folder that cargo builds into.
pub fn target_folder(repository: &Repository) -> Result<PathBuf> {
    let mut metadata: Command = cargo(repository);
    let said = answer(metadata.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]))
        .context("cargo metadata does not answer")?;
    let metadata: serde_json::Value = serde_json::from_str(&said)?;
    let target =
        metadata.get("target_directory").and_then(|path| path.as_str()).context("cargo says no target folder")?;
    Ok(Path::new(target).to_path_buf())
}
