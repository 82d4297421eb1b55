//! `cargo xtask up`: everything on this machine, a demonstration, and then at your service.

mod arguments;
mod client;
mod demonstration;
mod fast_edge;
mod guide;
mod parts;
mod saves;
mod silence;
mod similarity;
mod sources;
mod state;
mod supervisor;
mod timeline;
mod watch;
mod workshop;

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
    // Before anything is built: what is saved while that goes on is built again.
    let workshop = arguments.watch.then(|| workshop::Workshop::open(repository, console));
    setup::run_steps(repository, console, &steps(arguments))?;
    if !arguments.watch {
        console.note("edge", &build::BundleSize::of(repository)?.to_string());
    }

    let mut parts = parts::Parts::start(repository, console, &state, arguments)?;
    demonstration::run(repository, console, &parts.client())?;
    let up = format!("\nUp in {}.", console::duration(started.elapsed()));
    if arguments.once {
        console.line(up);
    } else {
        // For whoever goes on by hand: the first result does not wait for it.
        setup::run_steps(repository, console, &[Box::new(build::CLI) as Box<dyn setup::Step>])?;
        guide::print(repository, console, &state, &mut parts)?;
        let watched = if arguments.watch { " What is saved is built and takes its place." } else { "" };
        console.line(format!("{up}{watched}\nCtrl-C stops everything."));
        watch::look_after(&mut parts, console, workshop)?;
    }
    console.line("\nStopping …");
    parts.stop();
    console.done("up", "everything is stopped");
    Ok(())
}

/// What must be there; the edge that `--watch` runs is another one than is deployed.
fn steps(arguments: &UpArguments) -> Vec<Box<dyn setup::Step>> {
    let mut steps = build::steps();
    if arguments.watch {
        let shipped = setup::Step::name(&build::EdgeBundle);
        steps.retain(|step| step.name() != shipped);
        steps.push(Box::new(fast_edge::FastEdge));
    }
    steps
}

impl UpArguments {
    /// The ports that are taken, looked at before anything is installed, built or started.
    fn taken_ports(&self) -> Vec<setup::Obstacle> {
        let wanted = [
            stack::Taken { part: "edge", port: self.edge_port, option: "--edge-port" },
            stack::Taken { part: "LocalStack", port: self.localstack_port, option: "--localstack-port" },
        ];
        stack::check_ports(&wanted).iter().map(|taken| setup::Obstacle::of(taken.to_string())).collect()
    }
}
