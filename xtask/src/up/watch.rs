use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::parts::Parts;
use crate::{
    console::{self, Console},
    process::{Failure, Group, interrupt},
};

/// How often the parts are looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How often the edge is asked whether it is well.
const ASK: Duration = Duration::from_secs(2);
/// An edge that is silent for so long is started again: wrangler may live on when its workerd does not.
const SILENCE: Duration = Duration::from_secs(6);
/// A part is started again so often within [`WINDOW`]; then something is wrong that starting again does not mend.
const RESTARTS: usize = 5;
const WINDOW: Duration = Duration::from_secs(600);

/// Until Ctrl-C. An edge or a worker that ends or falls silent is started again, as a supervisor would; LocalStack
/// keeps nothing, so its end is the end of all.
pub(super) fn look_after(parts: &mut Parts, console: Console) -> Result<()> {
    let (mut edge, mut worker) = (Restarts::default(), Restarts::default());
    let mut ask = Ask::new(Instant::now());
    while !interrupt::happened() {
        parts.localstack.group().check_alive()?;
        if let Some(what) = ended(parts.worker.group())? {
            worker.count(parts.worker.group(), &what)?;
            let started = Instant::now();
            parts.start_worker_again()?;
            tell(console, parts.worker.group(), &what, started);
        }
        let silent = ask.is_due(Instant::now()) && ask.is_silent(parts.edge.answers(), Instant::now());
        let what = ended(parts.edge.group())?.or_else(|| silent.then(|| "does not answer".to_owned()));
        if let Some(what) = what {
            edge.count(parts.edge.group(), &what)?;
            let started = Instant::now();
            parts.edge.start_again()?;
            ask = Ask::new(Instant::now());
            tell(console, parts.edge.group(), &what, started);
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

fn ended(group: &mut Group) -> Result<Option<String>> {
    Ok(group.exited()?.map(|status| format!("ended unasked ({status})")))
}

fn tell(console: Console, group: &Group, what: &str, started: Instant) {
    let (name, took) = (group.name(), console::duration(started.elapsed()));
    console.warning(&format!("{name} {what}: started again in {took}, process {}", group.id()));
}

/// When a part was started again.
#[derive(Debug, Default)]
struct Restarts(Vec<Instant>);

impl Restarts {
    /// Counts one; an error with the end of the log when there were too many.
    fn count(&mut self, group: &Group, what: &str) -> Result<()> {
        if self.may(Instant::now()) {
            return Ok(());
        }
        let what = format!("{what}, and was started again {RESTARTS} times within {}", console::duration(WINDOW));
        Err(Failure::new(group.name(), what, group.log()).into())
    }

    fn may(&mut self, now: Instant) -> bool {
        self.0.retain(|before| now.duration_since(*before) < WINDOW);
        let may = self.0.len() < RESTARTS;
        if may {
            self.0.push(now);
        }
        may
    }
}

/// When the edge is asked next, and when it last answered.
#[derive(Debug)]
struct Ask {
    next: Instant,
    heard: Instant,
}

impl Ask {
    fn new(now: Instant) -> Self {
        Self { next: now + ASK, heard: now }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.next;
        if due {
            self.next = now + ASK;
        }
        due
    }

    fn is_silent(&mut self, answered: bool, now: Instant) -> bool {
        if answered {
            self.heard = now;
        }
        now.duration_since(self.heard) >= SILENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_not_started_again_for_ever() {
        let (mut restarts, start) = (Restarts::default(), Instant::now());
        let mut may = |second| restarts.may(start + Duration::from_secs(second));
        assert!((0..5).all(&mut may));
        assert!(!may(5) && !may(599));
        assert!(may(600), "the first one is forgotten");
        assert!(!may(600));
    }

    #[test]
    fn one_lost_answer_is_no_silence() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut ask = Ask::new(start);
        assert!(!ask.is_due(at(1)) && ask.is_due(at(2)) && !ask.is_due(at(3)));
        for (second, answered, silent) in [(2, true, false), (5, false, false), (7, false, false), (8, false, true)] {
            assert_eq!(ask.is_silent(answered, at(second)), silent, "at {second} s");
        }
        assert!(!ask.is_silent(true, at(9)) && !ask.is_silent(false, at(14)));
    }
}
