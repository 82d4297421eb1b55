//! `cargo xtask test`: set-up, every check, every test, and a table of what came out.

mod arguments;
mod plan;
mod table;
mod tally;

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};

pub use arguments::TestArguments;
use plan::{Check, Needs, Track};
use tally::Tally;

use crate::{
    build,
    console::{self, Console},
    process::{Failure, Run, interrupt},
    repository::Repository,
    setup,
    stack::{Deployment, LocalStack, free_port},
};

/// What became of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Passed(Tally),
    Failed(Tally),
}

/// Runs what was asked for; every check runs even when one before it failed.
pub fn run(repository: &Repository, console: Console, arguments: &TestArguments) -> Result<()> {
    let started = Instant::now();
    let checks = plan::checks(repository, &arguments.only)?;
    setup::check_prerequisites(repository)?;
    let wants_parts = checks.iter().any(|check| check.needs == Needs::Parts);
    let mut steps = if wants_parts { build::steps() } else { setup::steps() };
    steps.extend(setup::test_steps());
    setup::run_steps(repository, console, &steps)?;
    let mut rows = vec![Row { name: "setup", outcome: Outcome::Passed(Tally::default()), took: started.elapsed() }];

    let (main, side): (Vec<_>, Vec<_>) = checks.into_iter().partition(|check| check.track == Track::Main);
    let (main, side) = thread::scope(|scope| {
        let side = scope.spawn(|| run_in_turn(repository, console, side));
        let main = run_in_turn(repository, console, main);
        (main, side.join())
    });
    rows.extend(main?);
    rows.extend(side.map_err(|_| anyhow!("a check panicked"))??);
    console.heading("Summary");
    console.line(table::render(&rows));
    let failed: Vec<&str> =
        rows.iter().filter(|row| matches!(row.outcome, Outcome::Failed(_))).map(|row| row.name).collect();
    let took = console::duration(started.elapsed());
    if failed.is_empty() {
        console.done("test", &format!("everything passed in {took}"));
        return Ok(());
    }
    bail!("{} failed, after {took}; again by: cargo xtask test --only {}", failed.join(", "), failed.join(","))
}

fn run_in_turn(repository: &Repository, console: Console, checks: Vec<Check>) -> Result<Vec<Row>> {
    // It takes a quarter of a minute, beside the checks that do not need it.
    let wants_localstack = checks.iter().any(|check| check.needs != Needs::Nothing);
    let mut starting = wants_localstack.then(|| {
        let repository = repository.clone();
        thread::spawn(move || start_localstack(&repository))
    });
    let mut localstack = None;
    let mut rows = Vec::new();
    for check in checks {
        if check.needs != Needs::Nothing
            && let Some(starting) = starting.take()
        {
            localstack = Some(starting.join().map_err(|_| anyhow!("starting LocalStack panicked"))??);
        }
        rows.push(run_check(repository, console, check, localstack.as_ref().map(LocalStack::endpoint))?);
    }
    Ok(rows)
}

/// Starts one and deploys a first stack, which takes ten times as long as any later one.
fn start_localstack(repository: &Repository) -> Result<LocalStack> {
    let log = repository.step_log("test-localstack");
    let _ = std::fs::remove_file(&log);
    let localstack = LocalStack::start(repository, free_port()?, &repository.run("test/localstack"), &log)?;
    let log = repository.step_log("test-infra");
    Deployment::deploy(repository, Console::quiet(), localstack.endpoint(), &["first".to_owned()], &log)?;
    Ok(localstack)
}

fn run_check(repository: &Repository, console: Console, check: Check, localstack: Option<&str>) -> Result<Row> {
    interrupt::check()?;
    let started = Instant::now();
    console.begin(check.name, check.what);
    let log = repository.step_log(check.name);
    let run = Run::new(console, check.name, &log)?;
    let mut failure = None;
    for mut command in check.commands {
        if let (Some(endpoint), true) = (localstack, check.needs != Needs::Nothing) {
            command.env("FOREBAY_TEST_LOCALSTACK", endpoint);
        }
        // A backtrace of the test program pushes what failed out of the lines that are shown.
        command.env("RUST_BACKTRACE", "0");
        if let Err(error) = run.program(&mut command) {
            interrupt::check()?;
            failure = Some(error);
            break;
        }
    }
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    for line in tally::closing_lines(&text) {
        console.line(format!("    {line}"));
    }
    let (tally, took) = (Tally::of(&text), started.elapsed());
    let Some(error) = failure else {
        console.done(check.name, &format!("{}{}", tally.shown(), console::duration(took)));
        return Ok(Row { name: check.name, outcome: Outcome::Passed(tally), took });
    };
    console.failed(check.name, &format!("failed after {}", console::duration(took)));
    match error.downcast::<Failure>() {
        Ok(failure) => console.line(failure.to_string()),
        Err(error) => console.line(format!("{error:#}")),
    }
    Ok(Row { name: check.name, outcome: Outcome::Failed(tally), took })
}
