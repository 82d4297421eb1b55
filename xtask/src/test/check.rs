use clap::ValueEnum;

/// One row of the table, in the order in which the rows stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Check {
    /// cargo fmt --check
    Fmt,
    /// clippy, natively, every target
    Clippy,
    /// unit and property tests, natively
    Unit,
    /// contract tests of queue and store, Lambda functions and dead letters, against LocalStack
    Localstack,
    /// the exported models against PyTorch
    Models,
    /// the promises, end to end
    E2e,
    /// clippy of the edge as wasm; the compiler alone, where a wasm toolchain has no clippy
    ClippyWasm,
    /// clippy of the backend without libtorch
    ClippyLean,
    /// the console in Chromium, against a played edge
    Console,
    /// licences and sources of what is depended on
    Deny,
}

/// What a check wants to be running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    LocalStack,
    /// LocalStack, and the built edge and worker.
    Parts,
}

/// Which checks wait for each other. Cargo lets one build at a time into a folder, and two fill the cores better than
/// one; tests with clocks of their own run one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Track {
    /// Builds every test into `target/debug`, and runs what was built.
    Main,
    /// Looks at what is compiled in other ways, beside that: into `target/release`.
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

    pub(super) fn needs(self) -> Needs {
        match self {
            Self::Localstack => Needs::LocalStack,
            Self::E2e => Needs::Parts,
            _ => Needs::Nothing,
        }
    }

    /// Whether its outcome hangs on the checkout's content alone, and it takes long enough for that to matter. Clippy and
    /// the like ask cargo, which knows by itself what changed.
    pub(super) fn hangs_on_content(self) -> bool {
        matches!(self, Self::Unit | Self::Console)
    }

    pub(super) fn track(self) -> Track {
        match self {
            Self::ClippyWasm | Self::ClippyLean | Self::Console | Self::Deny => Track::Aside,
            _ => Track::Main,
        }
    }
}
