//! `cargo xtask bench`: Forebay beside what bounds it. Ratios, taken side by side in one run, are what is compared from
//! machine to machine; absolute numbers say more about the machine.

mod arguments;
mod backend;
mod cold;
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
#[derive(Debug, Default, Serialize)]
struct Report {
    ratios: Vec<Ratio>,
    limits: Vec<limits::Decision>,
    bundle: Option<BundleSize>,
    waiting: Option<wait::WaitFigures>,
    cold: Option<cold::Cold>,
}

/// Builds what is measured and measures it.
pub fn run(repository: &Repository, console: Console, arguments: &BenchArguments) -> Result<()> {
    let talk = if arguments.json { Console::stderr() } else { console };
    // A cold start sets itself up, takes half an hour and is asked for by name.
    if arguments.subject == Some(Subject::Cold) {
        let cold = cold::measure(repository, talk, &arguments.beside)?;
        let report = Report { cold: Some(cold), ..Report::default() };
        return report.show(console, arguments.json);
    }
    let wants = |subject| arguments.subject.is_none_or(|wanted| wanted == subject);
    setup::check_prerequisites(repository, setup::Purpose::Test, Vec::new())?;
    let mut steps = setup::steps();
    if wants(Subject::Edge) || wants(Subject::Wait) {
        steps.push(Box::new(build::EdgeBundle));
    }
    if wants(Subject::Rivals) {
        steps.extend(setup::bench_steps());
    }
    setup::run_steps(repository, talk, &steps)?;

    let mut report = Report::default();
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
    report.show(console, arguments.json)
}

impl Report {
    fn show(&self, console: Console, as_json: bool) -> Result<()> {
        if as_json {
            Console::stdout().line(serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        console.heading("Ratios");
        let mut lines: Vec<String> = self.ratios.iter().map(ToString::to_string).collect();
        lines.extend(self.limits.iter().map(ToString::to_string));
        lines.extend(self.waiting.iter().map(ToString::to_string));
        lines.extend(self.bundle.iter().map(ToString::to_string));
        lines.extend(self.cold.iter().map(ToString::to_string));
        console.line(lines.join("\n"));
        Ok(())
    }
}
