//! The whole pipeline in thousands of bad worlds. Each seed is one: which jobs come, which calls fail, hang or lose
//! their answers, when workers crash or are told to stop, what is canceled, doubled and reordered. Time is paused, so a
//! world of minutes takes milliseconds, and a seed gives the same history whenever it runs:
//!
//! ```sh
//! cargo xtask test --only simulation -- 7          # one seed; its history stands in .run/logs/simulation.log
//! cargo xtask test --only simulation -- 0..100000
//! ```
//!
//! Whatever happens: every job ends in a stored result or a stored failure (the reaper's, if it was received too often), or
//! canceled, or too late before anybody began it; nothing is acknowledged or reported before it is stored; a worker that is
//! told to stop ends in time.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(clippy::print_stdout, reason = "a history is for people")]

#[path = "../../tests/native/chance.rs"]
mod chance;
#[path = "simulation/entropy.rs"]
mod entropy;
#[path = "simulation/judge.rs"]
mod judge;
#[path = "simulation/parts.rs"]
mod parts;
#[path = "simulation/run.rs"]
mod run;
#[path = "simulation/scenario.rs"]
mod scenario;
#[path = "simulation/weather.rs"]
mod weather;

use std::{ops::Range, process::Command, thread};

use judge::Verdict;
use sha2::Digest as _;

const SEEDS: &str = "FOREBAY_SIMULATION_SEEDS";
/// Half a minute of one core.
const DEFAULT: Range<u64> = 0..2_000;

#[test]
fn every_job_ends_exactly_once_whatever_fails() {
    let seeds = match std::env::var(SEEDS) {
        Ok(text) => range(&text).unwrap_or_else(|| panic!("{SEEDS}: found {text}; allowed is FROM..TO")),
        Err(_) => DEFAULT,
    };
    let alone = seeds.end == seeds.start + 1;
    run::prepare();
    // How often tokio was asked for a coin is part of its coins: what lies before is skipped, not left out.
    (0..seeds.start).for_each(|_| on_a_new_thread(|| run::runtime().block_on(async {})));
    for seed in seeds {
        let Verdict { history, violations } = on_a_new_thread(move || {
            entropy::seed_this_thread(seed);
            run::simulate(seed)
        });
        let history = history.join("\n");
        if alone || !violations.is_empty() {
            println!("{history}");
        }
        println!("seed {seed}: history {}", hex::encode(&sha2::Sha256::digest(&history)[..8]));
        let replay = format!("cargo xtask test --only simulation -- {seed}");
        assert!(violations.is_empty(), "seed {seed}: {}\nreplay it: {replay}", violations.join("; "));
    }
}

#[test]
fn a_seed_gives_the_same_history_in_every_process_and_in_every_range() {
    let histories = |seeds: &str| {
        let name = "every_job_ends_exactly_once_whatever_fails";
        let this = std::env::current_exe().unwrap();
        let run = Command::new(this).args([name, "--exact", "--nocapture"]).env(SEEDS, seeds).output().unwrap();
        let said = String::from_utf8(run.stdout).unwrap();
        said.lines().filter(|line| line.starts_with("seed ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let range = histories("3..9");
    assert_eq!(range.len(), 6);
    assert_eq!(histories("3..9"), range);
    assert_eq!(histories("8..9"), range[5..]);
}

fn range(text: &str) -> Option<Range<u64>> {
    let (from, to) = text.split_once("..")?;
    Some(from.parse().ok()?..to.parse().ok()?)
}

/// What a thread draws from the machine's randomness is its own.
fn on_a_new_thread<T: Send + 'static>(task: impl FnOnce() -> T + Send + 'static) -> T {
    thread::spawn(task).join().unwrap()
}
