//! `cargo xtask up`: everything on this machine, a demonstration, and then at your service.

mod arguments;
mod client;
mod demonstration;
mod guide;
mod parts;
mod similarity;
mod state;
mod timeline;
mod watch;

use std::time::Instant;

use anyhow::Result;

pub use arguments::UpArguments;

use crate::{
    build,
    console::{self, Console},
    repository::Repository,
    setup, stack,
};

/// Sets up, builds, starts, demonstrates, and waits for Ctrl-C.
pub fn run(repository: &Repository, console: Console, arguments: &UpArguments) -> Result<()> {
    let started = Instant::now();
    let state = state::State::open(repository, arguments)?;
    setup::check_prerequisites(repository, setup::Purpose::Up, arguments.taken_ports())?;
    setup::run_steps(repository, console, &build::steps())?;
    console.note("edge", &build::BundleSize::of(repository)?.to_string());

    let mut parts = parts::Parts::start(repository, console, &state, arguments)?;
    demonstration::run(repository, console, &parts.client())?;
    let up = format!("\nUp in {}.", console::duration(started.elapsed()));
    if arguments.once {
        console.line(up);
    } else {
        guide::tell(repository, console, &state, &mut parts)?;
        console.line(format!("{up}\nCtrl-C stops everything."));
        watch::look_after(&mut parts, console)?;
    }
    console.line("\nStopping …");
    parts.stop();
    console.done("up", "everything is stopped");
    Ok(())
}

impl UpArguments {
    /// Before anything is installed, built or started.
    fn taken_ports(&self) -> Vec<setup::Obstacle> {
        let wanted = [
            stack::Taken { part: "edge", port: self.edge_port, option: "--edge-port" },
            stack::Taken { part: "LocalStack", port: self.localstack_port, option: "--localstack-port" },
        ];
        stack::check_ports(&wanted).iter().map(|taken| setup::Obstacle::of(taken.to_string())).collect()
    }
}
