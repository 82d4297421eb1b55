//! `cargo xtask bench`: Forebay beside what bounds it. Ratios, taken side by side in one run, are what is compared from
//! machine to machine; absolute numbers say more about the machine.

mod arguments;
mod backend;
mod edge;
mod http1;
mod jobs;
mod limits;
mod load;
mod pair;
mod ratio;
mod report;
mod rivals;
mod server;
mod wait;
mod warm;
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

/// The keys that `edge/bench/kv.mjs` knows: one that is never refused, and one that is from the second time on.
const OPEN: &str = "fb_bench_0123456789abcdef0123456789";
const CLOSED: &str = "fb_closed_0123456789abcdef0123456789";

/// Everything that was measured, as `--json` gives it.
#[derive(Debug, Serialize)]
struct Report {
    ratios: Vec<Ratio>,
    limits: Vec<limits::Decision>,
    bundle: Option<BundleSize>,
    waiting: Option<wait::Waiting>,
}

/// Builds what is measured and measures it.
pub fn run(repository: &Repository, console: Console, arguments: &BenchArguments) -> Result<()> {
    let talk = if arguments.json { Console::stderr() } else { console };
    let wants = |subject| arguments.subject.is_none_or(|wanted| wanted == subject);
    setup::check_prerequisites(repository)?;
    let mut steps = setup::steps();
    if wants(Subject::Edge) || wants(Subject::Wait) {
        steps.push(Box::new(build::EdgeBundle));
    }
    if wants(Subject::Rivals) {
        steps.extend(setup::bench_steps());
    }
    setup::run_steps(repository, talk, &steps)?;

    let mut report = Report { ratios: Vec::new(), limits: Vec::new(), bundle: None, waiting: None };
    if wants(Subject::Edge) {
        report.bundle = Some(BundleSize::of(repository)?);
        report.ratios.extend(edge::measure(repository, talk)?);
        report.limits = limits::measure(repository, talk)?;
    }
    if wants(Subject::Wait) {
        report.waiting = Some(wait::measure(repository, talk)?);
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
    if let Some(waiting) = &report.waiting {
        console.line(waiting.to_string());
    }
    if let Some(bundle) = report.bundle {
        console.line(bundle.to_string());
    }
    Ok(())
}
