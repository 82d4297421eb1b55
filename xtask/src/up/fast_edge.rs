use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{
    build::{BINDGEN, EdgeBundle},
    repository::Repository,
    setup::{Step, Work},
};

/// The edge as `--watch` builds it, in a folder of its own: it is never deployed, tested or measured by mistake.
#[derive(Debug, Clone, Copy)]
pub(super) struct FastEdge;

impl FastEdge {
    /// What is run.
    pub(super) fn bundle(repository: &Repository) -> PathBuf {
        repository.path("edge/build/fast/index.js")
    }
}

impl Step for FastEdge {
    fn name(&self) -> &'static str {
        "edge-fast"
    }

    fn what(&self) -> String {
        "building the edge to wasm, fast and large, never to be deployed".to_owned()
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

    fn recorded_secs(&self) -> u64 {
        60
    }

    fn recorded_packages(&self) -> usize {
        120
    }

    /// Cargo itself finds out. A stamp is made when a build ends: what was saved while it ran would pass for built.
    fn is_done(&self, _: &Repository) -> Result<bool> {
        Ok(false)
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let bindgen = BINDGEN.path(work.repository)?;
        let mut build = Command::new("bash");
        build.arg("edge/build.sh").env("FOREBAY_EDGE_FAST", "1").env("FOREBAY_BINDGEN", bindgen);
        work.program(&mut build)
    }
}
