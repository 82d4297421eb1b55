use clap::ValueEnum;

/// One row of the table, in the order in which the rows stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Check {
    /// cargo fmt --check
    Fmt,
    /// what documents and comments name exists; lines and functions keep their lengths; modules make no rings
    Tidy,
    /// clippy, natively, every target
    Clippy,
    /// clippy of the backend without libtorch
    ClippyLean,
    /// clippy of the edge as wasm; the compiler alone, where a wasm toolchain has no clippy
    ClippyWasm,
    /// unit and property tests, natively
    Unit,
    /// accounts, lanes, workers and clients in a thousand bad worlds, one a seed
    Simulation,
    /// contract tests of queue and store, Lambda functions and dead letters, against LocalStack
    Localstack,
    /// the exported models against PyTorch, decoded pictures against Pillow
    Models,
    /// the promises, end to end
    E2e,
    /// licences, sources and known weaknesses of what is depended on
    Deny,
    /// templates, scripts and Dockerfiles by their linters, what the templates promise, the runbook's commands; LocalStack,
    /// deployments into it, forward, back and away
    Infra,
    /// the console in Chromium, against a played edge
    Console,
    /// the Python client's style, types and tests, and the examples for JavaScript, against a played edge
    Clients,
    /// the documentation of every crate, without warnings; only by name or with --all
    Doc,
}

/// Which checks wait for each other: cargo lets one build at a time into a folder, and tests with clocks of their own run
/// one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Track {
    /// Builds every test into `target/debug`, and runs what was built.
    Main,
    /// Runs beside what compiles, for it compiles nothing.
    Aside,
}

impl Check {
    /// The name in `--only` and in the table.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// What it looks at.
    pub(super) fn what(self) -> String {
        self.to_possible_value().and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
    }

    /// The steps of set-up that must be done before.
    pub(super) fn after(self) -> &'static [&'static str] {
        match self {
            Self::Fmt | Self::Tidy | Self::ClippyLean | Self::Simulation => &[],
            Self::Clippy | Self::Doc => &["libtorch"],
            Self::Unit => &["libtorch", "localstack", "models"],
            Self::Localstack => &["libtorch", "localstack", "cargo-lambda"],
            Self::Models => &["libtorch", "models"],
            Self::E2e => {
                &["edge", "libtorch", "localstack", "models", "console-tests", "schemathesis", "python-client"]
            }
            Self::Deny => &["cargo-deny"],
            // wrangler is asked about the bundle that would be deployed.
            Self::Infra => &["cfn-lint", "localstack", "awscli", "edge"],
            Self::Console => &["console-tests", "edge-packages"],
            Self::Clients => &["python-client", "edge-packages"],
            // It compiles into the same folder: one waits for the other anyway.
            Self::ClippyWasm => &["edge"],
        }
    }

    /// Whether some of its tests can be run without the others.
    pub(super) fn takes_names(self) -> bool {
        matches!(self, Self::E2e | Self::Simulation) || self.is_of_cargo_tests()
    }

    /// Whether cargo's own test programs are what it runs.
    pub(super) fn is_of_cargo_tests(self) -> bool {
        matches!(self, Self::Unit | Self::Localstack | Self::Models)
    }

    /// The names of those that are such.
    pub(super) fn names_of(are: impl Fn(Self) -> bool) -> String {
        let names: Vec<String> =
            Self::value_variants().iter().filter(|check| are(**check)).map(|check| check.name()).collect();
        names.join(", ")
    }

    /// Whether it wants a LocalStack to be running.
    pub(super) fn needs_localstack(self) -> bool {
        matches!(self, Self::Localstack | Self::E2e)
    }

    /// Whether its outcome hangs on the checkout's content alone, and it takes long enough for that to matter. Clippy and
    /// the like ask cargo, which knows by itself what changed; promises kill processes and race each other, so that every
    /// run of them is another.
    pub(super) fn hangs_on_content(self) -> bool {
        matches!(
            self,
            Self::Unit
                | Self::Simulation
                | Self::Localstack
                | Self::Models
                | Self::Infra
                | Self::Console
                | Self::Clients
        )
    }

    /// Whether it takes longer than what it finds is worth each time: it runs in CI, by its name and with `--all`.
    /// rustdoc wants everything that is depended on checked, which nothing else does.
    pub(super) fn is_long(self) -> bool {
        matches!(self, Self::Doc)
    }

    pub(super) fn track(self) -> Track {
        match self {
            Self::Deny | Self::Infra | Self::Console | Self::Clients => Track::Aside,
            _ => Track::Main,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{build, setup};

    #[test]
    fn what_a_check_waits_for_is_a_step() {
        let mut steps = build::test_steps();
        steps.extend(setup::test_steps());
        for check in Check::value_variants() {
            for name in check.after() {
                assert!(steps.iter().any(|step| step.name() == *name), "{check:?} waits for {name}");
            }
        }
    }
}
