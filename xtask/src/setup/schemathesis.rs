use std::path::PathBuf;

use anyhow::Result;

use super::{Fingerprint, Step, Work, python};
use crate::repository::Repository;

const REQUIREMENTS: &str = "tests/schemathesis/requirements.txt";

/// `.tools/schemathesis`: asks the edge what its OpenAPI document allows, and more.
pub(super) struct SchemathesisPython;

impl Step for SchemathesisPython {
    fn name(&self) -> &'static str {
        "schemathesis"
    }

    fn what(&self) -> String {
        "Schemathesis, which holds the edge to its OpenAPI document: 20 MB to download, 60 MB on disk".to_owned()
    }

    fn advice(&self) -> &'static str {
        "look at the network, then run the command again: finished downloads are kept"
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        Fingerprint::new()
            .text("root", &repository.root().to_string_lossy())
            .file(&repository.path("xtask/pip.txt"))?
            .file(&repository.path(REQUIREMENTS))
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        vec![repository.tool("schemathesis/bin/schemathesis")]
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let environment = python::Environment {
            folder: work.repository.tool("schemathesis"),
            python: python::required()?,
            sees_system: false,
            requirements: &[REQUIREMENTS],
        };
        environment.make(work)
    }
}
