//! `cargo xtask test`: set-up, every check, every test, and a table of what came out.

mod arguments;
mod broken;
mod changed;
mod check;
mod chosen;
mod commands;
mod deny;
mod list;
mod localstack;
mod names;

mod promises;
mod proof;
mod running;
mod seeds;
mod table;
mod test_counts;

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};

pub use arguments::TestArguments;
pub use check::Check;
use check::Track;
use chosen::Chosen;
pub use commands::{edge_test, installed_client};
use localstack::SharedLocalStack;
use proof::Proofs;
use running::Checks;
use test_counts::TestCounts;

use crate::{
    build,
    console::{self, Console},
    repository::Repository,
    setup::{self, Board, Step},
};

/// What became of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    name: String,
    result: CheckResult,
    took: Duration,
    /// The tests that failed, where some of a check's can be run without the others.
    failed: Vec<String>,
}

impl Row {
    fn new(name: String, result: CheckResult, took: Duration) -> Self {
        Self { name, result, took, failed: Vec::new() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum CheckResult {
    Passed(TestCounts),
    /// Not run: nothing changed since it passed.
    Unchanged(TestCounts),
    Failed(TestCounts),
}

/// Runs what was asked for; every check runs even when one before it failed.
pub fn run(repository: &Repository, console: Console, arguments: &TestArguments) -> Result<()> {
    let started = Instant::now();
    arguments.check()?;
    if arguments.list && !arguments.changed {
        return list::print(repository, console);
    }
    let chosen = Chosen::by(arguments, repository, console)?;
    if arguments.list {
        return Ok(());
    }
    if chosen.checks.is_empty() {
        console.done("test", "there is nothing to look at");
        return Ok(());
    }
    setup::check_prerequisites(repository, setup::Purpose::Test, Vec::new())?;
    let is_everything = arguments.only.is_empty() && !arguments.changed;
    let steps = if is_everything { all_steps() } else { steps_for(&chosen, all_steps()) };
    let hangs_on_content = chosen.checks.iter().any(|check| check.hangs_on_content());
    let run = Checks {
        repository,
        console,
        set_up: Board::default(),
        localstack: SharedLocalStack::new(repository, chosen.stacks()),
        proofs: if hangs_on_content { Proofs::of(repository)? } else { None },
        chosen: &chosen,
        run_again: arguments.all || !arguments.only.is_empty(),
        at_length: arguments.all,
        keep: arguments.keep,
    };
    // Building the edge leaves a core idle for minutes, and most checks do not need it.
    let (set_up, rows) = thread::scope(|scope| {
        let set_up = scope.spawn(|| {
            let outcome = setup::run_steps_noting(repository, console, &steps, &run.set_up);
            (outcome, started.elapsed())
        });
        let rows = run_tracks(&run, &chosen.checks);
        (set_up.join(), rows)
    });
    let (set_up, took) = set_up.map_err(|_| anyhow!("set-up panicked"))?;
    set_up?;
    let mut rows = rows?;
    rows.insert(0, Row::new("setup".to_owned(), CheckResult::Passed(TestCounts::default()), took));

    console.heading("Summary");
    console.line(table::render(&rows));
    let took = console::duration(started.elapsed());
    let failed: Vec<&Row> = rows.iter().filter(|row| matches!(row.result, CheckResult::Failed(_))).collect();
    if failed.is_empty() {
        console.done("test", &format!("everything passed in {took}"));
        return Ok(());
    }
    let names: Vec<&str> = failed.iter().map(|row| row.name.as_str()).collect();
    bail!("{} failed, after {took}; again by:\n  {}", names.join(", "), again(&failed).join("\n  "))
}

/// The commands that run what failed, and where few tests did, only those.
fn again(failed: &[&Row]) -> Vec<String> {
    const FEW: usize = 5;
    let (some, whole): (Vec<&Row>, Vec<&Row>) = failed.iter().partition(|row| (1..=FEW).contains(&row.failed.len()));
    let mut commands = Vec::new();
    if !whole.is_empty() {
        let names: Vec<&str> = whole.iter().map(|row| row.name.as_str()).collect();
        commands.push(format!("cargo xtask test --only {}", names.join(",")));
    }
    commands.extend(some.iter().map(|row| format!("cargo xtask test --only {} -- {}", row.name, row.failed.join(" "))));
    commands
}

fn all_steps() -> Vec<Box<dyn Step>> {
    let mut steps = build::test_steps();
    steps.extend(setup::test_steps());
    steps
}

/// Those that what is chosen waits for, and those that they wait for in turn.
fn steps_for(chosen: &Chosen, steps: Vec<Box<dyn Step>>) -> Vec<Box<dyn Step>> {
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    let mut more: Vec<&str> = chosen.checks.iter().flat_map(|check| chosen.after(*check)).collect();
    while let Some(name) = more.pop() {
        if wanted.insert(name) {
            more.extend(steps.iter().filter(|step| step.name() == name).flat_map(|step| step.about().after));
        }
    }
    steps.into_iter().filter(|step| wanted.contains(step.name())).collect()
}

/// Two tracks, side by side. The rows come in the order of the checks.
fn run_tracks(run: &Checks<'_>, checks: &[Check]) -> Result<Vec<Row>> {
    let on = |track: Track| checks.iter().copied().filter(move |check| check.track() == track);
    let mut rows = thread::scope(|scope| {
        if checks.iter().any(|check| check.needs_localstack()) {
            // It takes a quarter of a minute, beside the checks that do not need it.
            scope.spawn(|| run.set_up.wait(&["localstack"]).then(|| run.localstack.started().map(|_| ())));
        }
        let aside = scope.spawn(move || run.in_turn(on(Track::Aside)));
        let mut rows = run.in_turn(on(Track::Main))?;
        rows.extend(aside.join().map_err(|_| anyhow!("a check panicked"))??);
        Ok::<_, anyhow::Error>(rows)
    })?;
    rows.sort_by_key(|(check, _)| *check);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_run_again_by_commands_that_run_nothing_else() {
        let failed = |name: &str, tests: &[&str]| Row {
            failed: tests.iter().map(|test| (*test).to_owned()).collect(),
            ..Row::new(name.to_owned(), CheckResult::Failed(TestCounts::default()), Duration::ZERO)
        };
        let rows = [failed("fmt", &[]), failed("unit", &["a", "b"]), failed("e2e", &["1", "2", "3", "4", "5", "6"])];
        let commands = ["cargo xtask test --only fmt,e2e", "cargo xtask test --only unit -- a b"];
        assert_eq!(again(&rows.iter().collect::<Vec<_>>()), commands);
    }

    #[test]
    fn only_what_a_check_waits_for_is_set_up() {
        let steps = |chosen: &Chosen| -> Vec<&'static str> {
            steps_for(chosen, all_steps()).iter().map(|step| step.name()).collect()
        };
        let checks = |checks: &[Check]| steps(&Chosen { checks: checks.to_vec(), ..Chosen::default() });
        assert_eq!(checks(&[Check::Fmt, Check::ClippyLean]), <[&str; 0]>::default());
        assert!(checks(&[Check::Deny]).contains(&"cargo-deny") && !checks(&[Check::Deny]).contains(&"edge"));
        let promises = checks(&[Check::E2e]);
        for step in ["edge", "localstack", "models", "schemathesis", "console-tests", "exporter-python"] {
            assert!(promises.contains(&step), "{step}: {promises:?}");
        }
        assert!(!promises.contains(&"cargo-deny"));

        let named =
            |name: &str| steps(&Chosen { checks: vec![Check::E2e], named: Some((Check::E2e, vec![name.to_owned()])) });
        assert!(named("document_holds_under_fuzzing").contains(&"schemathesis"));
        let one = named("image_is_classified");
        assert!(one.contains(&"localstack") && !one.contains(&"schemathesis") && !one.contains(&"console-tests"));
    }
}
