use std::path::PathBuf;

use anyhow::Result;

use super::{Fingerprint, Step, Work, python};
use crate::repository::Repository;

/// A virtual environment of pinned packages, in `.tools/` under its own name.
pub(super) struct PinnedPython {
    name: &'static str,
    what: &'static str,
    /// The packages with the hash of each.
    requirements: &'static str,
    /// What must be there, in the environment's `bin/`.
    program: &'static str,
    /// How many seconds it took in a cold run.
    recorded_secs: u64,
}

/// LocalStack as a Python program, without Docker.
pub(super) const LOCALSTACK: PinnedPython = PinnedPython {
    name: "localstack",
    what: "LocalStack 4.9, which stands in for AWS: 60 MB to download, 240 MB on disk",
    requirements: "localstack/requirements.txt",
    program: "python",
    recorded_secs: 40,
};

/// Asks the edge what its OpenAPI document allows, and more.
pub(super) const SCHEMATHESIS: PinnedPython = PinnedPython {
    name: "schemathesis",
    what: "Schemathesis, which holds the edge to its OpenAPI document: 20 MB to download, 60 MB on disk",
    requirements: "tests/schemathesis/requirements.txt",
    program: "schemathesis",
    recorded_secs: 15,
};

impl Step for PinnedPython {
    fn name(&self) -> &'static str {
        self.name
    }

    fn what(&self) -> String {
        self.what.to_owned()
    }

    fn advice(&self) -> &'static str {
        python::ADVICE
    }

    fn recorded_secs(&self) -> u64 {
        self.recorded_secs
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        python::made_from(repository, self.requirements)
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        vec![repository.tool(self.name).join("bin").join(self.program)]
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let environment = python::Environment {
            folder: work.repository.tool(self.name),
            python: python::required()?,
            sees_system: false,
            requirements: &[self.requirements],
        };
        environment.make(work)
    }
}
