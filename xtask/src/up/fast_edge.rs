use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use crate::{
    build::EdgeBundle,
    repository::Repository,
    setup::{Fingerprint, Step, Work},
};

/// The cargo profile: soon there, a few times as large and slow. `edge/build.sh` builds by it, into a folder of its name.
const PROFILE: &str = "edge-fast";
/// By which it is told.
const VARIABLE: &str = "FOREBAY_WASM_PROFILE";

/// The edge as `--watch` builds it, in a folder of its own: it is never deployed, tested or measured by mistake.
#[derive(Debug, Clone, Copy)]
pub(super) struct FastEdge;

impl FastEdge {
    /// What is run.
    pub(super) fn bundle(repository: &Repository) -> PathBuf {
        folder(repository).join("index.js")
    }
}

impl Step for FastEdge {
    fn name(&self) -> &'static str {
        "edge-fast"
    }

    fn what(&self) -> String {
        "building the edge to wasm, fast and large, never to be deployed (the first time 2 min)".to_owned()
    }

    fn advice(&self) -> &'static str {
        "see the first error in the log"
    }

    fn after(&self) -> &'static [&'static str] {
        EdgeBundle.after()
    }

    fn compiles_into(&self) -> Option<&'static str> {
        Some("target/edge-fast")
    }

    fn made_from(&self, _: &Repository) -> Result<Fingerprint> {
        Ok(Fingerprint::new())
    }

    fn makes(&self, _: &Repository) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Cargo itself finds out. A stamp is made when a build ends: what was saved while it ran would pass for built.
    fn is_done(&self, _: &Repository) -> Result<bool> {
        Ok(false)
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        work.program(Command::new("bash").arg("edge/build.sh").env(VARIABLE, PROFILE))?;
        let bundle = Self::bundle(work.repository);
        ensure!(bundle.is_file(), "edge/build.sh made no {}", work.repository.shown(&bundle));
        Ok(())
    }
}

fn folder(repository: &Repository) -> PathBuf {
    repository.path(Path::new("edge/build").join(PROFILE))
}
