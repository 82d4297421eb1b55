use std::path::PathBuf;

use anyhow::Result;

use super::{Fingerprint, Step, Work, python};
use crate::repository::Repository;

/// `.tools/localstack`: LocalStack as a Python program, without Docker.
pub(super) struct LocalStackPython;

impl Step for LocalStackPython {
    fn name(&self) -> &'static str {
        "localstack"
    }

    fn what(&self) -> String {
        "LocalStack 4.9, which stands in for AWS: 60 MB to download, 240 MB on disk".to_owned()
    }

    fn advice(&self) -> &'static str {
        "look at the network, then run the command again: finished downloads are kept"
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        Fingerprint::new()
            .text("root", &repository.root().to_string_lossy())
            .file(&repository.path("xtask/pip.txt"))?
            .file(&repository.path("localstack/requirements.txt"))
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        vec![repository.tool("localstack/bin/python")]
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let environment = python::Environment {
            folder: work.repository.tool("localstack"),
            python: python::required()?,
            sees_system: false,
            requirements: &["localstack/requirements.txt"],
        };
        environment.make(work)
    }
}
