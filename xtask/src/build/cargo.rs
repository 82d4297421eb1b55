//! How cargo is called: always for the whole workspace, so that what packages share has the same features whoever asks,
//! and is compiled once.

use std::process::Command;

use crate::{repository::Repository, setup::libtorch_dir};

/// Cargo at the root of the checkout, with the libtorch that set-up found.
pub fn cargo(repository: &Repository) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(repository.root()).env("LIBTORCH", libtorch_dir(repository));
    cargo
}

/// `cargo SUBCOMMAND` over every package, the worker with its engine and nothing for the cloud; further arguments say what
/// of it is built.
pub fn workspace(repository: &Repository, subcommand: &str) -> Command {
    let mut cargo = cargo(repository);
    cargo.args([subcommand, "--workspace", "--no-default-features", "--features", "forebay-backend/tch"]);
    cargo
}
