//! `forebay`: see `forebay --help`.

mod arguments;
mod batch;
mod commands;
mod dispatch;
mod dlq;
mod exit;
mod failure;
mod inputs;
mod interrupt;
mod keys;
mod moment;
mod progress;
#[cfg(test)]
mod scratch;
mod settings;
mod show;
mod sink;
mod span;
mod table;
mod under_way;

use std::{
    io::{Write as _, stderr},
    process::ExitCode,
};

use clap::Parser as _;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match dispatch::run(&command) {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads has read enough, and there was nothing else to do.
        Err(failure) if failure.is_closed_pipe() && command.only_shows() => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_unheard() {
                // Where standard error is closed, the exit code is all that can be said.
                let _ = writeln!(stderr(), "forebay: {failure}");
            }
            ExitCode::from(failure.exit().code())
        }
    }
}
