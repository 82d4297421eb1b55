//! `cargo xtask test`: set-up, every check, every test, and a table of what came out.

mod arguments;
mod check;
mod localstack;
mod plan;
mod proof;
mod table;
mod tally;

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};

pub use arguments::TestArguments;
pub use check::Check;
use check::Track;
use clap::ValueEnum as _;
use localstack::SharedLocalStack;
pub use plan::edge_test;
use proof::Proofs;
use tally::Tally;

use crate::{
    build,
    console::{self, Console},
    process::{Failure, Run, interrupt},
    repository::Repository,
    setup::{self, Board},
};

/// What became of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    name: String,
    outcome: Outcome,
    took: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Passed(Tally),
    /// Not run: nothing changed since it passed.
    Unchanged(Tally),
    Failed(Tally),
}

/// Runs what was asked for; every check runs even when one before it failed.
pub fn run(repository: &Repository, console: Console, arguments: &TestArguments) -> Result<()> {
    let started = Instant::now();
    let wanted = |check: &Check| arguments.only.is_empty() || arguments.only.contains(check);
    let checks: Vec<Check> = Check::value_variants().iter().copied().filter(wanted).collect();
    setup::check_prerequisites(repository, setup::Purpose::Test, Vec::new())?;
    let wants_edge = checks.iter().any(|check| check.after().contains(&"edge"));
    let mut steps = if wants_edge { build::test_steps() } else { setup::steps() };
    steps.extend(setup::test_steps());
    let run = Checks {
        repository,
        console,
        set_up: Board::default(),
        localstack: SharedLocalStack::new(repository),
        proofs: Proofs::of(repository)?,
        run_again: arguments.all || !arguments.only.is_empty(),
    };
    // Building the edge leaves a core idle for minutes, and most checks do not need it.
    let (set_up, rows) = thread::scope(|scope| {
        let set_up = scope.spawn(|| {
            let outcome = setup::run_steps_telling(repository, console, &steps, &run.set_up);
            (outcome, started.elapsed())
        });
        let rows = run_tracks(&run, &checks);
        (set_up.join(), rows)
    });
    let (set_up, took) = set_up.map_err(|_| anyhow!("set-up panicked"))?;
    set_up?;
    let mut rows = rows?;
    rows.insert(0, Row { name: "setup".to_owned(), outcome: Outcome::Passed(Tally::default()), took });

    console.heading("Summary");
    console.line(table::render(&rows));
    let failed: Vec<&str> =
        rows.iter().filter(|row| matches!(row.outcome, Outcome::Failed(_))).map(|row| row.name.as_str()).collect();
    let took = console::duration(started.elapsed());
    if failed.is_empty() {
        console.done("test", &format!("everything passed in {took}"));
        return Ok(());
    }
    bail!("{} failed, after {took}; again by: cargo xtask test --only {}", failed.join(", "), failed.join(","))
}

/// Two tracks, side by side. The rows come in the order of the checks.
fn run_tracks(run: &Checks<'_>, checks: &[Check]) -> Result<Vec<Row>> {
    let on = |track: Track| checks.iter().copied().filter(move |check| check.track() == track);
    let mut rows = thread::scope(|scope| {
        if checks.iter().any(|check| check.needs_localstack()) {
            // It takes a quarter of a minute, beside the checks that do not need it.
            scope.spawn(|| run.set_up.wait(&["localstack"]).then(|| run.localstack.endpoint()));
        }
        let aside = scope.spawn(move || run.in_turn(on(Track::Aside)));
        let mut rows = run.in_turn(on(Track::Main))?;
        rows.extend(aside.join().map_err(|_| anyhow!("a check panicked"))??);
        Ok::<_, anyhow::Error>(rows)
    })?;
    rows.sort_by_key(|(check, _)| *check);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// What every check is run with.
struct Checks<'a> {
    repository: &'a Repository,
    console: Console,
    set_up: Board,
    localstack: SharedLocalStack<'a>,
    proofs: Option<Proofs>,
    /// Whether checks run that passed on the same content.
    run_again: bool,
}

impl Checks<'_> {
    fn in_turn(&self, checks: impl Iterator<Item = Check>) -> Result<Vec<(Check, Row)>> {
        checks.map(|check| Ok((check, self.one(check)?))).collect()
    }

    fn one(&self, check: Check) -> Result<Row> {
        interrupt::check()?;
        let name = check.name();
        let proofs = self.proofs.as_ref().filter(|_| check.hangs_on_content());
        if let Some(tally) = proofs.filter(|_| !self.run_again).and_then(|proofs| proofs.passed(check)) {
            self.console.done(&name, "nothing changed since it passed: not run again (--all runs it)");
            return Ok(Row { name, outcome: Outcome::Unchanged(tally), took: Duration::ZERO });
        }
        if !self.set_up.wait(check.after()) {
            bail!("{name}: set-up failed");
        }
        let endpoint = check.needs_localstack().then(|| self.localstack.endpoint()).transpose()?;
        let started = Instant::now();
        self.console.begin(&name, &check.what());
        let log = self.repository.step_log(&name);
        let run = Run::new(self.console, &name, &log)?;
        let mut failure = None;
        for mut command in plan::commands(self.repository, check)? {
            if let Some(endpoint) = endpoint {
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
        let lines: Vec<String> = tally::closing_lines(&text).iter().map(|line| format!("    {line}")).collect();
        let (tally, took) = (Tally::of(&text), started.elapsed());
        let Some(error) = failure else {
            self.console.done(&name, &format!("{}{}", tally.shown(), console::duration(took)));
            self.say(&lines);
            // Whoever edits meanwhile does not know which content was looked at.
            if let Some(proofs) = proofs
                && Proofs::of(self.repository)?.as_ref() == Some(proofs)
            {
                proofs.note(check, tally)?;
            }
            return Ok(Row { name, outcome: Outcome::Passed(tally), took });
        };
        self.console.failed(&name, &format!("failed after {}", console::duration(took)));
        self.say(&lines);
        match error.downcast::<Failure>() {
            Ok(failure) => self.console.line(failure.to_string()),
            Err(error) => self.console.line(format!("{error:#}")),
        }
        Ok(Row { name, outcome: Outcome::Failed(tally), took })
    }

    /// Several checks speak at once: what belongs together is one line to the console.
    fn say(&self, lines: &[String]) {
        if !lines.is_empty() {
            self.console.line(lines.join("\n"));
        }
    }
}
