//! `forebay`: see `forebay --help`.

mod admin;
mod arguments;
mod failure;
mod keys;
mod moment;

mod span;
mod table;

use std::{
    io::{Write as _, stderr},
    process::ExitCode,
};

use clap::Parser as _;

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Command::Keys(arguments) => keys::run(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Where standard error is closed, the exit code is all that can be said.
            let _ = writeln!(stderr(), "forebay: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
