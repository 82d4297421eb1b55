use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Error, Result};

use super::{
    parts::Parts,
    silence::Silence,
    supervisor::{Announcement, Part, Patience, Supervisor, World},
    workshop::{Built, Made, Workshop},
};
use crate::{
    console::{self, Console},
    process::{Failure, Group, interrupt},
};

/// How often the parts, and the files they are made of, are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Until Ctrl-C. An edge or a worker that ends or falls silent is started again, as a supervisor would; LocalStack
/// keeps nothing, so its end is the end of all. With a workshop, what was built anew takes its place.
pub(super) fn look_after(parts: &mut Parts, console: Console, mut workshop: Option<Workshop>) -> Result<()> {
    let patience = if workshop.is_some() { Patience::AwaitsBuild } else { Patience::Ends };
    let mut supervisor = Supervisor::new(patience);
    let mut running = Running { parts, console, silence: Silence::new(Instant::now()) };
    while !interrupt::happened() {
        running.parts.localstack.group().check_alive()?;
        supervisor.look(&mut running)?;
        for built in workshop.iter_mut().flat_map(|workshop| workshop.look(Instant::now())) {
            put_into_place(&mut supervisor, &mut running, &built)?;
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// Says how long it took since its source was saved.
fn put_into_place(supervisor: &mut Supervisor, running: &mut Running<'_>, built: &Built) -> Result<()> {
    let (name, in_force) = match &built.made {
        Made::Edge => ("edge", supervisor.renew(running, Part::Edge)?),
        Made::Worker => ("worker", supervisor.renew(running, Part::Worker)?),
        Made::Catalog(catalog) => ("catalog", running.put_catalog(catalog)),
    };
    if in_force {
        let took = console::duration(built.save.first.elapsed());
        running.console.done(name, &format!("{}: in force {took} after it was saved", built.save));
    }
    Ok(())
}

/// The parts as they run.
struct Running<'a> {
    parts: &'a mut Parts,
    console: Console,
    silence: Silence,
}

impl Running<'_> {
    /// Whether the edge took it.
    fn put_catalog(&self, catalog: &str) -> bool {
        let outcome = self.parts.put_catalog(catalog);
        if let Err(error) = &outcome {
            self.console.failed("catalog", &format!("the edge did not take it: {error:#}"));
        }
        outcome.is_ok()
    }

    fn group(&mut self, part: Part) -> &mut Group {
        match part {
            Part::Worker => self.parts.worker.group(),
            Part::Edge => self.parts.edge.group(),
        }
    }
}

impl World for Running<'_> {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn trouble(&mut self, part: Part) -> Result<Option<String>> {
        if let Some(status) = self.group(part).exited()? {
            return Ok(Some(format!("ended unasked ({status})")));
        }
        if part == Part::Worker || !self.silence.is_due(Instant::now()) {
            return Ok(None);
        }
        let answers = self.parts.edge.answers();
        Ok(self.silence.is_long(answers, Instant::now()).then(|| "does not answer".to_owned()))
    }

    fn start_again(&mut self, part: Part) -> Result<()> {
        let outcome = match part {
            Part::Worker => self.parts.start_worker_again(),
            Part::Edge => self.parts.edge.start_again(),
        };
        // Whoever waited for the worker did not ask the edge meanwhile either.
        self.silence = Silence::new(Instant::now());
        outcome
    }

    fn announce(&mut self, part: Part, announcement: Announcement<'_>) {
        let (console, group) = (self.console, self.group(part));
        let name = group.name();
        console.warning(&match announcement {
            Announcement::StartedAgain { what, took } => {
                format!("{name} {what}: started again in {}, process {}", console::duration(took), group.id())
            }
            Announcement::NotStarted { what, error } => format!("{name} {what}, and did not start again: {error:#}"),
            Announcement::LeftAlone { what } => format!("{name} {what}: it is left alone until its source changes"),
        });
    }

    fn give_up(&mut self, part: Part, what: String) -> Error {
        let group = self.group(part);
        Failure::new(group.name(), what, group.log()).into()
    }
}
