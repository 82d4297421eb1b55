use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Error, Result, bail};

use super::{
    Check, CheckResult, Row, TestCounts, chosen::Chosen, commands, localstack::SharedLocalStack, names::unknown,
    proof::Proofs, test_counts,
};
use crate::{
    console::{self, Console},
    process::{Failure, Run, interrupt},
    repository::Repository,
    setup::Board,
};

/// What every check is run with.
pub(super) struct Checks<'a> {
    pub(super) repository: &'a Repository,
    pub(super) console: Console,
    pub(super) set_up: Board,
    pub(super) localstack: SharedLocalStack<'a>,
    pub(super) proofs: Option<Proofs>,
    pub(super) chosen: &'a Chosen,
    /// Whether checks run that passed on the same content.
    pub(super) run_again: bool,
    /// Whether simulations run a hundred times as many seeds as usual.
    pub(super) at_length: bool,
    /// Whether stacks of failing promises stay up.
    pub(super) keep: bool,
}

impl Checks<'_> {
    pub(super) fn in_turn(&self, checks: impl Iterator<Item = Check>) -> Result<Vec<(Check, Row)>> {
        checks.map(|check| Ok((check, self.one(check)?))).collect()
    }

    fn one(&self, check: Check) -> Result<Row> {
        interrupt::check()?;
        let name = check.name();
        // Some of its tests are no proof of the whole.
        let whole = self.chosen.names(check).is_empty();
        let proofs = self.proofs.as_ref().filter(|_| check.hangs_on_content() && whole);
        if let Some(counts) = proofs.filter(|_| !self.run_again).and_then(|proofs| proofs.passed(check)) {
            self.console.done(&name, "nothing changed since it passed: not run again (--all runs it)");
            return Ok(Row::new(name, CheckResult::Unchanged(counts), Duration::ZERO));
        }
        if !self.set_up.wait(&self.chosen.after(check)) {
            bail!("{name}: set-up failed");
        }
        let started = Instant::now();
        self.console.begin(&name, &self.what(check));
        let log = self.repository.step_log(&name);
        let run = Run::new(self.console, &name, &log)?;
        let failure = self.programs(&run, check).err();
        if failure.is_some() {
            interrupt::check()?;
        }
        let text = fs::read_to_string(&log).unwrap_or_default();
        let counts = TestCounts::of(&text);
        let row = |result| Row::new(name.clone(), result, started.elapsed());
        let Some(error) = failure else {
            self.console.done(&name, &format!("{}{}", counts.shown(), console::duration(started.elapsed())));
            self.closing_lines(&text);
            if check == Check::Simulation && !whole {
                self.console.note(&name, &format!("what happened stands in {}", self.repository.shown(&log)));
            }
            // Whoever edits meanwhile does not know which content was looked at.
            if let Some(proofs) = proofs
                && Proofs::of(self.repository)?.as_ref() == Some(proofs)
            {
                proofs.note(check, counts)?;
            }
            return Ok(row(CheckResult::Passed(counts)));
        };
        self.console.failed(&name, &format!("failed after {}", console::duration(started.elapsed())));
        self.closing_lines(&text);
        self.console.line(match error.downcast::<Failure>() {
            Ok(failure) => failure.to_string(),
            Err(error) => format!("{error:#}"),
        });
        let mut row = row(CheckResult::Failed(counts));
        // A simulation's test says itself by which seed it is seen again.
        if check.takes_names() && check != Check::Simulation {
            row.failed = test_counts::tests(&text).1.into_iter().map(str::to_owned).collect();
        }
        Ok(row)
    }

    fn what(&self, check: Check) -> String {
        match self.chosen.names(check) {
            [] => check.what(),
            names => format!("{}: {}", check.what(), names.join(", ")),
        }
    }

    /// Runs the programs of a check until one fails.
    fn programs(&self, run: &Run<'_>, check: Check) -> Result<()> {
        for mut build in commands::builds(self.repository, check) {
            run.program(&mut build)?;
        }
        let kept = self.repository.run("e2e/kept");
        let mut environment: Vec<(&str, PathBuf)> = Vec::new();
        if check.needs_localstack() {
            let started = self.localstack.started()?;
            environment.push(("FOREBAY_TEST_LOCALSTACK", started.endpoint().into()));
            environment.push(("FOREBAY_TEST_DEPLOYED", started.outputs().into()));
        }
        if check == Check::E2e && self.keep {
            let _ = fs::remove_file(&kept);
            environment.push(("FOREBAY_TEST_KEEP", kept.clone()));
        }
        if check == Check::Simulation && self.at_length {
            environment.push(("FOREBAY_SIMULATION_TIMES", "100".into()));
        }
        let names = self.chosen.names(check);
        let mut shown = false;
        for mut command in commands::commands(self.repository, check, names)? {
            // A backtrace of the test program pushes what failed out of the lines that are shown.
            command.envs(environment.iter().map(|(name, value)| (name, value))).env("RUST_BACKTRACE", "0");
            run.program_watched(&mut command, || {
                if self.keep && !shown {
                    shown = self.show_kept(run, &kept);
                }
            })?;
        }
        if check.is_of_cargo_tests() && !names.is_empty() {
            return self.all_meant_something(run, check, names);
        }
        Ok(())
    }

    /// What failed, and how what it ran on is reached: the test program waits with it for Ctrl-C.
    fn show_kept(&self, run: &Run<'_>, kept: &Path) -> bool {
        let Ok(text) = fs::read_to_string(kept) else { return false };
        let failure = Failure::new(run.name, "failed", &run.log);
        self.console.line(format!("{failure}\n\n{text}\nCtrl-C ends all of it."));
        true
    }

    /// A name that no test's name holds is a mistake, not a success.
    fn all_meant_something(&self, run: &Run<'_>, check: Check, names: &[String]) -> Result<()> {
        let ran = fs::read_to_string(&run.log)?;
        let (ran, _) = test_counts::tests(&ran);
        let Some(name) = names.iter().find(|name| !ran.iter().any(|test| test.contains(name.as_str()))) else {
            return Ok(());
        };
        // Cargo's test programs list themselves; their log begins anew, so that no number in it is counted.
        let list = Run::new(Console::quiet(), run.name, &self.repository.step_log("test-list"))?;
        for mut command in commands::commands(self.repository, check, &["--list".to_owned()])? {
            list.program(&mut command)?;
        }
        let listed = fs::read_to_string(&list.log)?;
        let known: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
        Err(Error::msg(unknown("test", name, &known)))
    }

    /// Several checks speak at once: what belongs together is one line to the console.
    fn closing_lines(&self, log: &str) {
        let lines: Vec<String> = test_counts::closing_lines(log).iter().map(|line| format!("    {line}")).collect();
        if !lines.is_empty() {
            self.console.line(lines.join("\n"));
        }
    }
}
