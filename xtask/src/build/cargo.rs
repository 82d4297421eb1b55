//! How cargo is called: always for the whole workspace, so that what packages share has the same features whoever asks,
//! and is compiled once.

use std::process::Command;

use crate::{repository::Repository, setup::libtorch_dir};

/// Which of the worker's parts are compiled. What both have in common is compiled once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// The engine over libtorch: what runs on a machine of one's own, and nearly every test.
    Engine,
    /// Everything but the engine: the Lambda functions and the export of spans. Needs no libtorch.
    Cloud,
}

impl Parts {
    fn features(self) -> &'static str {
        match self {
            Self::Engine => "forebay-backend/tch",
            Self::Cloud => "forebay-backend/lambda,forebay-backend/otlp",
        }
    }
}

/// Cargo at the root of the checkout, with the libtorch that set-up found.
pub fn cargo(repository: &Repository) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(repository.root()).env("LIBTORCH", libtorch_dir(repository));
    cargo
}

/// `cargo SUBCOMMAND` over every package; what is built of it is said by further arguments.
pub fn workspace(repository: &Repository, subcommand: &str, parts: Parts) -> Command {
    let mut cargo = cargo(repository);
    cargo.args([subcommand, "--workspace", "--no-default-features", "--features", parts.features()]);
    cargo
}
