//! Promises that speak of seconds, on machines that may take seconds for a request.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::client::Client;

/// What took longer than it should by this much says something about the machine.
const IN_TIME: Duration = Duration::from_millis(800);
const TRIES: usize = 5;
/// The pause between two looks at the clock.
const PULSE: Duration = Duration::from_millis(20);

/// What `check` finds with a new client that counts for nobody else. Where it fails and something was late, an answer or
/// the waking of who slept, the machine may be why, and it is tried again with another client; what fails although all
/// of it came in time has failed.
pub fn in_time(new_client: impl Fn(usize) -> Result<Client>, check: impl Fn(Client) -> Result<()>) -> Result<()> {
    let mut tried = 0;
    loop {
        let client = new_client(tried)?;
        tried += 1;
        let (outcome, overslept) = watched(|| check(client.clone()));
        let slowest = client.slowest();
        match outcome {
            Err(_) if slowest.max(overslept) > IN_TIME && tried < TRIES => {}
            outcome => {
                let context = format!("try {tried}, slowest answer {slowest:?}, overslept {overslept:?}");
                return outcome.map_err(|error| error.context(context));
            }
        }
    }
}

/// What comes of it, and by how much this process overslept meanwhile: what happens here between two requests no answer
/// shows.
fn watched<T>(check: impl FnOnce() -> T) -> (T, Duration) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let slept = Instant::now();
                thread::sleep(PULSE);
                most = most.max(slept.elapsed().saturating_sub(PULSE));
            }
            most
        });
        let outcome = check();
        over.store(true, Ordering::Relaxed);
        // A watcher that panicked has seen nothing, so nothing is excused.
        (outcome, watcher.join().unwrap_or_default())
    })
}
