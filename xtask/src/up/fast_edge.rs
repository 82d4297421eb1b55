use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{
    build::{BINDGEN, EdgeBundle},
    repository::Repository,
    setup::{About, Step, Work},
};

/// The edge as `--watch` builds it, in a folder of its own: it is never deployed, tested or measured by mistake.
#[derive(Debug, Clone, Copy)]
pub(super) struct FastEdge;

impl FastEdge {
    /// The JavaScript that the edge is started from.
    pub(super) fn bundle(repository: &Repository) -> PathBuf {
        repository.path("edge/build/fast/index.js")
    }
}

impl Step for FastEdge {
    fn about(&self) -> About {
        About {
            name: "edge-fast",
            what: "building the edge to wasm, fast and large, never to be deployed",
            advice: "see the first error in the log",
            after: EdgeBundle.about().after,
            compiles_into: Some("target/edge-fast"),
            recorded_secs: 60,
            recorded_packages: 120,
        }
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
