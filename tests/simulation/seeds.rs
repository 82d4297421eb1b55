//! Seeds, each on a thread of its own, in processes side by side.
//!
//! How often tokio was asked for a coin in a process is part of its coins: each process runs its seeds one after the other,
//! and lets those go by that come before.

use std::{
    collections::BTreeMap,
    ops::Range,
    process::{Command, Stdio},
    thread,
};

use sha2::Digest as _;
use tokio::runtime::Builder;

use crate::{
    judge::{Rule, Verdict},
    native::{
        self,
        planted::{self, Defect},
    },
    run,
    scenario::Scenario,
    shown,
    trouble::Fault,
    workers,
};

pub(crate) const SEEDS: &str = "FOREBAY_SIMULATION_SEEDS";
pub(crate) const DEFECTS: &str = "FOREBAY_SIMULATION_DEFECTS";
/// Faults that are left out, by name: for looking at one thing after the other.
const WITHOUT: &str = "FOREBAY_SIMULATION_WITHOUT";

/// What came of some seeds.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Report {
    pub(crate) failed: Vec<Failed>,
    struck: BTreeMap<String, u64>,
    judged: BTreeMap<String, u64>,
}

/// A seed that shows something.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Failed {
    seed: u64,
    what: String,
}

impl Report {
    /// The command that shows it again.
    pub(crate) fn replay(failed: &Failed) -> String {
        format!("cargo xtask test --only simulation -- {}    # {}", failed.seed, failed.what)
    }

    pub(crate) fn print(&self) {
        // Lines that begin so are shown by `cargo xtask test`, of a run that went well too.
        for (what, counts) in [("faults", &self.struck), ("rules", &self.judged)] {
            let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            println!("counted: {what}: {}", counts.join(", "));
        }
        println!("counted: {} seeds fail", self.failed.len());
    }

    /// What happened less often.
    pub(crate) fn seldom(&self, least: u64) -> Vec<String> {
        let names = Fault::ALL.iter().map(|fault| (format!("{fault:?}"), &self.struck));
        let names = names.chain(Rule::ALL.iter().map(|rule| (format!("{rule:?}"), &self.judged)));
        names
            .filter(|(name, counts)| counts.get(name).copied().unwrap_or(0) < least)
            .map(|(name, counts)| format!("{name}: {}", counts.get(&name).copied().unwrap_or(0)))
            .collect()
    }

    fn and(mut self, other: Self) -> Self {
        self.failed.extend(other.failed);
        for (mine, theirs) in [(&mut self.struck, other.struck), (&mut self.judged, other.judged)] {
            theirs.into_iter().for_each(|(name, count)| *mine.entry(name).or_default() += count);
        }
        self
    }
}

/// What the environment asks for: `FROM..TO`.
pub(crate) fn asked() -> Option<Range<u64>> {
    let text = std::env::var(SEEDS).ok()?;
    let range = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    Some(range.unwrap_or_else(|| panic!("{SEEDS}: found {text}; allowed is FROM..TO")))
}

/// Runs them in as many processes as there are processors.
pub(crate) fn run_all(seeds: Range<u64>) -> Report {
    let count = seeds.end - seeds.start;
    let processes = thread::available_parallelism().map_or(1, usize::from).min(count.max(1) as usize) as u64;
    let part = |number: u64| {
        let at = |number: u64| seeds.start + count * number / processes;
        at(number)..at(number + 1)
    };
    let parts: Vec<_> = (0..processes)
        .map(|number| {
            thread::spawn({
                let part = part(number);
                move || run_elsewhere(&part)
            })
        })
        .collect();
    parts.into_iter().map(|part| part.join().unwrap()).fold(Report::default(), Report::and)
}

fn run_elsewhere(seeds: &Range<u64>) -> Report {
    let said = start("some_seeds", SEEDS, &format!("{}..{}", seeds.start, seeds.end));
    // What the test program says itself counts no test of ours.
    let others = ["report ", "seed ", "test ", "running "];
    let is_for_people = |line: &&str| !line.is_empty() && !others.iter().any(|other| line.starts_with(other));
    said.lines().filter(is_for_people).for_each(|line| println!("{line}"));
    let report = said.lines().find_map(|line| line.strip_prefix("report "));
    serde_json::from_str(report.expect("a process of seeds tells what came of them")).unwrap()
}

/// Runs one of the tests that are started in this way; what it said.
fn start(test: &str, variable: &str, value: &str) -> String {
    let this = std::env::current_exe().unwrap();
    let mut run = Command::new(this);
    run.args([test, "--exact", "--ignored", "--nocapture"]).env(variable, value).stderr(Stdio::inherit());
    String::from_utf8_lossy(&run.output().unwrap().stdout).into_owned()
}

/// Runs them one after the other and says what came of them.
pub(crate) fn run_here(seeds: Range<u64>) {
    workers::prepare();
    let alone = seeds.end == seeds.start + 1;
    (0..seeds.start).for_each(|_| pass_by());
    let mut report = Report::default();
    for seed in seeds {
        let (verdict, struck) = one(seed, None);
        if alone {
            verdict.history.iter().for_each(|line| println!("{line}"));
        } else if !verdict.violations.is_empty() {
            println!("of seed {seed}:");
            verdict.excerpt.iter().for_each(|line| println!("{line}"));
        }
        println!("seed {seed}: history {}", hex::encode(&sha2::Sha256::digest(verdict.history.join("\n"))[..8]));
        let names = |(rule, what): &(Rule, String)| format!("{rule:?}: {what}");
        if let Some(first) = verdict.violations.first() {
            report.failed.push(Failed { seed, what: names(first) });
        }
        let judged = verdict.judged.into_iter().map(|(rule, count)| (format!("{rule:?}"), count)).collect();
        report = report.and(Report { failed: Vec::new(), struck, judged });
    }
    println!("report {}", serde_json::to_string(&report).unwrap());
}

/// Looks for these defects, and says which of them no seed shows. A seed shows one if it fails with it and not without.
pub(crate) fn look_for(defects: &str, within: u64) {
    workers::prepare();
    for defect in Defect::ALL.iter().filter(|defect| defects.split(',').any(|name| name == format!("{defect:?}"))) {
        let shows = (0..within).find_map(|seed| {
            if !shown::may_be(*defect, &Scenario::of(seed, &without())) {
                return None;
            }
            let (rule, what) = one(seed, Some(*defect)).0.violations.into_iter().next()?;
            one(seed, None).0.violations.is_empty().then_some((seed, rule, what))
        });
        match shows {
            Some((seed, rule, what)) => {
                println!("found {defect:?} by seed {seed}, {rule:?}: {}", what.lines().next().unwrap_or_default());
            }
            None => println!("unfound {defect:?}"),
        }
    }
}

/// The planted defects that no seed shows.
pub(crate) fn unfound() -> Vec<String> {
    let names: Vec<String> = Defect::ALL.iter().map(|defect| format!("{defect:?}")).collect();
    let processes = thread::available_parallelism().map_or(1, usize::from);
    let parts: Vec<_> = (0..processes)
        .map(|part| names.iter().skip(part).step_by(processes).cloned().collect::<Vec<_>>().join(","))
        .map(|part| thread::spawn(move || start("some_defects", DEFECTS, &part)))
        .collect();
    let said: Vec<String> = parts.into_iter().map(|part| part.join().unwrap()).collect();
    let lines = || said.iter().flat_map(|said| said.lines());
    lines().filter(|line| line.starts_with("found ")).for_each(|line| println!("{line}"));
    let found = |name: &&String| lines().any(|line| line.starts_with(&format!("found {name} ")));
    println!("counted: {} of {} planted defects found", names.iter().filter(found).count(), names.len());
    names.iter().filter(|name| !found(name)).cloned().collect()
}

/// How often something struck whoever was rolled, and what was violated or buried.
pub(crate) fn rolled(seed: u64) -> (u64, Vec<String>) {
    workers::prepare();
    let (verdict, struck) = simulate(seed, None, move || Scenario::rolled(seed));
    let buried = verdict.history.iter().filter(|line| line.ends_with("is reaped")).cloned();
    let violated = verdict.violations.iter().map(|(rule, what)| format!("{rule:?}: {what}"));
    (struck.values().sum(), violated.chain(buried).collect())
}

fn one(seed: u64, defect: Option<Defect>) -> (Verdict, BTreeMap<String, u64>) {
    simulate(seed, defect, move || Scenario::of(seed, &without()))
}

/// One seed on a thread of its own: what a thread draws from the machine's randomness is its own.
fn simulate(
    seed: u64,
    defect: Option<Defect>,
    scenario: impl FnOnce() -> Scenario + Send + 'static,
) -> (Verdict, BTreeMap<String, u64>) {
    native::run(seed, move || async move {
        planted::plant(defect);
        let (verdict, cloud) = run::simulate(scenario()).await;
        let struck = cloud.scenario.troubles.struck();
        cloud.end();
        (verdict, struck.into_iter().map(|(fault, count)| (format!("{fault:?}"), count)).collect())
    })
}

fn without() -> Vec<Fault> {
    let names = std::env::var(WITHOUT).unwrap_or_default();
    let named = |fault: &Fault| names.split(',').any(|name| name == format!("{fault:?}"));
    Fault::ALL.iter().copied().filter(named).collect()
}

/// A runtime that does nothing, for the coins that its seed would have drawn: one when it is built, one when its thread
/// enters it.
fn pass_by() {
    let pass = || {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {});
    };
    thread::spawn(pass).join().unwrap();
}
