//! Forebay's promises, end to end: one file a promise, each against the real parts.
//!
//! `cargo xtask test` builds the parts, starts LocalStack and runs this; `cargo xtask test --only e2e -- NAME` just that.

#![allow(unreachable_pub, missing_docs, reason = "a program has no outside; names of promises say what they are")]
// clippy.toml allows these in #[test] functions; promises are tests that it cannot know as such.
#![allow(clippy::indexing_slicing, reason = "JSON that is not there reads as null, which no promise accepts")]

mod client;
mod documented;
mod event_stream;
mod guarded;
mod hall;
mod in_time;
mod keep;
mod listener;
mod promises;
mod queue_proxy;
mod receiver;
mod schedule;
mod socket;
mod stack;
mod token;
mod web_server;
mod whole_day;

use std::{
    cmp::Reverse,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::{
    hall::Hall,
    promises::Check,
    schedule::{Chosen, Schedule},
};

#[expect(clippy::print_stderr, reason = "a test harness speaks to a person")]
fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a test harness speaks to a person")]
fn run() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    // Promises mostly wait for leases and alarms: more of them than cores run side by side.
    arguments.test_threads.get_or_insert(5);
    let chosen = Chosen::from_environment();
    let Schedule { side_by_side, alone } = Schedule::of(&chosen)?;
    let hall = Arc::new(Hall::open(&chosen)?);
    let took = Took::default();
    let conclusion = libtest_mimic::run(&arguments, trials(side_by_side, &hall, &took));
    arguments.test_threads = Some(1);
    let alone = libtest_mimic::run(&arguments, trials(alone, &hall, &took));
    // Stacks that are shared start within whoever needs them first.
    let mut took = took.lock().unwrap_or_else(PoisonError::into_inner);
    took.sort_unstable_by_key(|(took, _)| Reverse(*took));
    let slowest: Vec<_> = took.iter().take(8).map(|(took, name)| format!("{name} {} s", took.as_secs())).collect();
    eprintln!("slowest: {}", slowest.join(", "));
    keep::wait(&hall)?;
    // The last holder: everything that was started ends here.
    drop(hall);
    Ok(if conclusion.has_failed() { conclusion.exit_code() } else { alone.exit_code() })
}

/// How long each promise took.
type Took = Arc<Mutex<Vec<(Duration, &'static str)>>>;

fn trials(promises: Vec<(&'static str, Check)>, hall: &Arc<Hall>, took: &Took) -> Vec<Trial> {
    let trial = |(name, check): (&'static str, Check)| {
        let (hall, took) = (Arc::clone(hall), Arc::clone(took));
        Trial::test(name, move || {
            let began = Instant::now();
            let outcome = check(&hall);
            keep::decide(name, outcome.is_err());
            took.lock().unwrap_or_else(PoisonError::into_inner).push((began.elapsed(), name));
            outcome.map_err(|error| Failed::from(format!("{error:#}")))
        })
    };
    promises.into_iter().map(trial).collect()
}
