//! `cargo xtask bench`: Forebay beside what bounds it. Ratios, taken side by side in one run, are what is compared from
//! machine to machine; absolute numbers say more about the machine.

mod arguments;
mod backend;
mod edge;
mod http1;
mod jobs;
mod limits;
mod load;
mod ratio;
mod rivals;
mod server;
mod workerd;

use anyhow::Result;
use serde::Serialize;

pub use arguments::{BenchArguments, Subject};

use crate::{
    build::{self, BundleSize},
    console::Console,
    repository::Repository,
    setup,
};
use ratio::Ratio;

/// Everything that was measured, as `--json` gives it.
#[derive(Debug, Serialize)]
struct Report {
    ratios: Vec<Ratio>,
    limits: Vec<limits::Decision>,
    bundle: Option<BundleSize>,
}

/// Builds what is measured and measures it.
pub fn run(repository: &Repository, console: Console, arguments: &BenchArguments) -> Result<()> {
    let talk = if arguments.json { Console::stderr() } else { console };
    let wants = |subject| arguments.subject.is_none_or(|wanted| wanted == subject);
    setup::check_prerequisites(repository)?;
    let mut steps = setup::steps();
    if wants(Subject::Edge) {
        steps.push(Box::new(build::EdgeBundle));
    }
    if wants(Subject::Rivals) {
        steps.extend(setup::bench_steps());
    }
    setup::run_steps(repository, talk, &steps)?;

    let mut report = Report { ratios: Vec::new(), limits: Vec::new(), bundle: None };
    if wants(Subject::Edge) {
        report.bundle = Some(BundleSize::of(repository)?);
        report.ratios.extend(edge::measure(repository, talk)?);
        report.limits = limits::measure(repository, talk)?;
    }
    if wants(Subject::Backend) {
        report.ratios.extend(backend::measure(repository, talk, &arguments.model)?);
    }
    if wants(Subject::Rivals) {
        report.ratios.extend(rivals::measure(repository, talk, &arguments.model)?);
    }
    if arguments.json {
        Console::stdout().line(serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    console.heading("Ratios");
    for ratio in &report.ratios {
        console.line(ratio.to_string());
    }
    for decision in &report.limits {
        console.line(decision.to_string());
    }
    if let Some(bundle) = report.bundle {
        console.line(bundle.to_string());
    }
    Ok(())
}
