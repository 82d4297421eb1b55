//! Accounts, lanes, workers and clients in thousands of bad worlds, from a submission to its result and back. Each seed is
//! one: who asks for what, which calls fail, hang or lose their answers, when objects are moved and die, when workers crash,
//! what queues lose, double and refuse. Time is paused, so a world of hours takes milliseconds, and a seed gives the same
//! history whenever it runs:
//!
//! ```sh
//! cargo xtask test --only simulation -- 7          # one seed; its history stands in .run/logs/simulation.log
//! cargo xtask test --only simulation -- 0..100000
//! ```
//!
//! `native` is what objects run on, `cloud` what lies beyond them, `trouble` what goes wrong, `scenario` and `client` who
//! asks for what, `isolate` the Worker between, `parts` what the real worker sees, and `judge` what must hold. After a bad
//! time all is well, and within a bounded time everything must have ended. How often each fault struck and each rule was
//! looked at is told in the end, and neither may be seldom; what `native::planted` does on purpose must be found.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(clippy::print_stdout, reason = "a history is for people")]
#![allow(unreachable_pub, reason = "a test program has no callers")]

mod beyond;
mod client;
mod cloud;
mod isolate;
mod judge;
#[path = "../native/mod.rs"]
mod native;
mod parts;
mod released;
mod run;
mod scenario;
mod seeds;
mod shown;
mod submission;
mod trouble;
mod unrest;
mod workers;

use std::process::Command;

use seeds::{DEFECTS, Report, SEEDS};

/// How many times as many seeds are run as CI does.
const TIMES: &str = "FOREBAY_SIMULATION_TIMES";

/// What CI runs.
const DEFAULT: u64 = 1_200;
/// How seldom a fault may strike and a rule be looked at, over those.
const SELDOM: u64 = 100;

#[test]
fn every_job_ends_once_whatever_fails() {
    let asked = seeds::asked();
    let times = std::env::var(TIMES).map_or(1, |times| times.parse().unwrap());
    let report = seeds::run_all(asked.clone().unwrap_or(0..DEFAULT * times));
    report.print();
    if asked.is_none() {
        let seldom = report.seldom(SELDOM);
        assert!(seldom.is_empty(), "these happen less than {SELDOM} times, so that nothing is shown: {seldom:?}");
    }
    let replays: Vec<String> = report.failed.iter().map(Report::replay).collect();
    assert!(replays.is_empty(), "{} seeds fail; replay one by\n{}", replays.len(), replays.join("\n"));
}

#[test]
fn a_fleet_that_is_rolled_ten_times_in_an_hour_fails_no_job() {
    for seed in 0..3 {
        let (rolls, violations) = seeds::rolled(seed);
        assert!(violations.is_empty(), "seed {seed}: {violations:?}");
        assert!(rolls >= 2 * 10, "seed {seed}: {rolls} rolls");
    }
}

/// One part of the seeds, in a process of its own: see `seeds`.
#[test]
#[ignore = "what the others start"]
fn some_seeds() {
    seeds::run_here(seeds::asked().unwrap());
}

/// Some of the planted defects, likewise.
#[test]
#[ignore = "what the others start"]
fn some_defects() {
    seeds::look_for(&std::env::var(DEFECTS).unwrap(), DEFAULT);
}

#[test]
fn a_seed_gives_the_same_history_in_every_process_and_in_every_range() {
    let histories = |seeds: &str| {
        let this = std::env::current_exe().unwrap();
        let run = Command::new(this)
            .args(["some_seeds", "--exact", "--ignored", "--nocapture"])
            .env(SEEDS, seeds)
            .output()
            .unwrap();
        let said = String::from_utf8(run.stdout).unwrap();
        said.lines().filter(|line| line.starts_with("seed ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let range = histories("3..9");
    assert_eq!(range.len(), 6);
    assert_eq!(histories("3..9"), range);
    assert_eq!(histories("8..9"), range[5..]);
}

#[test]
fn every_planted_defect_is_found() {
    let unfound = seeds::unfound();
    assert!(unfound.is_empty(), "planted and not found: {unfound:?}");
}
