//! Which parts are started again, and when that ends. Decides; a [`World`] looks and starts.

use std::time::{Duration, Instant};

use anyhow::{Error, Result};

use crate::process::interrupt::Interrupted;

/// A part is started again so often within [`WINDOW`]; then something is wrong that starting again does not mend.
pub(super) const RESTARTS: usize = 5;
pub(super) const WINDOW: Duration = Duration::from_secs(600);

/// What is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Worker,
    Edge,
}

/// The parts as they are.
pub(super) trait World {
    fn now(&self) -> Instant;
    /// What is wrong with a part that runs no more, or does not answer.
    fn trouble(&mut self, part: Part) -> Result<Option<String>>;
    /// Starts a part anew and waits until it is ready.
    fn start_again(&mut self, part: Part) -> Result<()>;
    fn announce(&mut self, part: Part, announcement: Announcement<'_>);
    /// The end of all, as a part's end made it.
    fn give_up(&mut self, part: Part, what: String) -> Error;
}

/// What a supervisor has to say.
#[derive(Debug)]
pub(super) enum Announcement<'a> {
    /// It had this trouble and runs again, after so long.
    StartedAgain { what: &'a str, took: Duration },
    /// It had this trouble, and starting it again failed; it is tried again.
    NotStarted { what: &'a str, error: &'a Error },
    /// It was started again too often, and is left alone until it is built anew.
    LeftAlone { what: &'a str },
}

/// Whether a part that cannot be kept running ends everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Whoever looks at what runs must know at once.
    Ends,
    /// Somebody is changing its source: the next build may run.
    AwaitsBuild,
}

/// Remembers how often each part was started again.
#[derive(Debug)]
pub(super) struct Supervisor {
    patience: Patience,
    worker: RestartState,
    edge: RestartState,
}

#[derive(Debug, Default)]
struct RestartState {
    restarts: Restarts,
    /// Why the last start failed: whatever its processes do, it is not ready.
    failed: Option<String>,
    /// Nothing is done until it is built anew.
    left_alone: bool,
}

impl Supervisor {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, worker: RestartState::default(), edge: RestartState::default() }
    }

    /// Starts again what has ended, fallen silent or failed to start. A start that fails is no end of all: a part may be
    /// killed while it is being started, and counts as one more that has ended.
    pub(super) fn look(&mut self, world: &mut impl World) -> Result<()> {
        for part in [Part::Worker, Part::Edge] {
            if self.state(part).left_alone {
                continue;
            }
            let failed = self.state(part).failed.take();
            let Some(what) = failed.map_or_else(|| world.trouble(part), |what| Ok(Some(what)))? else { continue };
            if self.state(part).restarts.may(world.now()) {
                self.start(world, part, &what)?;
                continue;
            }
            let minutes = WINDOW.as_secs() / 60;
            let what = format!("{what}, and was started again {RESTARTS} times within {minutes} min");
            if self.patience == Patience::Ends {
                return Err(world.give_up(part, what));
            }
            world.announce(part, Announcement::LeftAlone { what: &what });
            self.state(part).left_alone = true;
        }
        Ok(())
    }

    /// Starts a part that was built anew; what it did before is forgotten. Answers whether it runs.
    pub(super) fn renew(&mut self, world: &mut impl World, part: Part) -> Result<bool> {
        *self.state(part) = RestartState::default();
        self.start(world, part, "was built anew")
    }

    fn start(&mut self, world: &mut impl World, part: Part, what: &str) -> Result<bool> {
        let began = world.now();
        match world.start_again(part) {
            Ok(()) => {
                let took = world.now().duration_since(began);
                world.announce(part, Announcement::StartedAgain { what, took });
                Ok(true)
            }
            Err(error) if error.is::<Interrupted>() => Err(error),
            Err(error) => {
                world.announce(part, Announcement::NotStarted { what, error: &error });
                self.state(part).failed = Some("did not start".to_owned());
                Ok(false)
            }
        }
    }

    fn state(&mut self, part: Part) -> &mut RestartState {
        match part {
            Part::Worker => &mut self.worker,
            Part::Edge => &mut self.edge,
        }
    }
}

/// When a part was started again.
#[derive(Debug, Default)]
struct Restarts(Vec<Instant>);

impl Restarts {
    /// Whether it may be once more, which is counted.
    fn may(&mut self, now: Instant) -> bool {
        self.0.retain(|before| now.duration_since(*before) < WINDOW);
        let may = self.0.len() < RESTARTS;
        if may {
            self.0.push(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use anyhow::anyhow;

    use super::*;

    /// Parts that die at given seconds and take three to start; what dies meanwhile is dead afterwards.
    struct Played {
        began: Instant,
        second: u64,
        deaths: Vec<(u64, Part)>,
        dead: HashSet<Part>,
        interrupted_at: u64,
        announced: Vec<String>,
    }

    const START: u64 = 3;

    impl Played {
        fn new(deaths: &[(u64, Part)]) -> Self {
            let deaths = deaths.to_vec();
            let (began, dead) = (Instant::now(), HashSet::new());
            Self { began, second: 0, deaths, dead, interrupted_at: u64::MAX, announced: Vec::new() }
        }

        fn pass(&mut self, seconds: u64) {
            self.second += seconds;
            let second = self.second;
            self.dead.extend(self.deaths.extract_if(.., |(at, _)| *at <= second).map(|(_, part)| part));
        }

        /// Looks once a second until then.
        fn run(&mut self, supervisor: &mut Supervisor, until: u64) -> Result<()> {
            while self.second < until {
                self.pass(1);
                supervisor.look(self)?;
            }
            Ok(())
        }
    }

    impl World for Played {
        fn now(&self) -> Instant {
            self.began + Duration::from_secs(self.second)
        }

        fn trouble(&mut self, part: Part) -> Result<Option<String>> {
            Ok(self.dead.contains(&part).then(|| "ended".to_owned()))
        }

        fn start_again(&mut self, part: Part) -> Result<()> {
            self.dead.remove(&part);
            self.pass(START);
            if self.second >= self.interrupted_at {
                return Err(Interrupted.into());
            }
            if self.dead.contains(&part) { Err(anyhow!("killed while it starts")) } else { Ok(()) }
        }

        fn announce(&mut self, part: Part, announcement: Announcement<'_>) {
            self.announced.push(match announcement {
                Announcement::StartedAgain { what, took } => format!("{part:?} {what}: again in {} s", took.as_secs()),
                Announcement::NotStarted { what, error } => format!("{part:?} {what}: {error}"),
                Announcement::LeftAlone { what } => format!("{part:?} {what}: left alone"),
            });
        }

        fn give_up(&mut self, part: Part, what: String) -> Error {
            anyhow!("{part:?} {what}")
        }
    }

    #[test]
    fn a_worker_that_is_killed_while_the_edge_starts_again_is_started_again() {
        let mut world = Played::new(&[(10, Part::Edge), (12, Part::Worker)]);
        world.run(&mut Supervisor::new(Patience::Ends), 60).unwrap();
        assert_eq!(world.announced, ["Edge ended: again in 3 s", "Worker ended: again in 3 s"]);
        assert!(world.dead.is_empty());
    }

    #[test]
    fn a_part_that_is_killed_while_it_starts_again_is_started_again() {
        for part in [Part::Edge, Part::Worker] {
            let mut world = Played::new(&[(10, part), (12, part)]);
            world.run(&mut Supervisor::new(Patience::Ends), 60).unwrap();
            let expect =
                [format!("{part:?} ended: killed while it starts"), format!("{part:?} did not start: again in 3 s")];
            assert_eq!((world.announced.as_slice(), world.dead.len()), (expect.as_slice(), 0));
        }
    }

    #[test]
    fn starts_that_fail_count_and_one_too_many_ends_all() {
        let often: Vec<(u64, Part)> = (10..40).map(|second| (second, Part::Worker)).collect();
        let mut world = Played::new(&often);
        let end = world.run(&mut Supervisor::new(Patience::Ends), 60).unwrap_err().to_string();
        assert_eq!(end, "Worker did not start, and was started again 5 times within 10 min");
        assert_eq!(world.announced.len(), RESTARTS);
    }

    #[test]
    fn while_the_source_changes_a_part_that_cannot_run_waits_for_its_next_build() {
        let often: Vec<(u64, Part)> = (10..40).map(|second| (second, Part::Worker)).collect();
        let mut world = Played::new(&often);
        let mut supervisor = Supervisor::new(Patience::AwaitsBuild);
        world.run(&mut supervisor, 60).unwrap();
        let end = "Worker did not start, and was started again 5 times within 10 min: left alone";
        assert_eq!((world.announced.len(), world.announced.last().map(String::as_str)), (RESTARTS + 1, Some(end)));
        assert!(supervisor.renew(&mut world, Part::Worker).unwrap());
        world.deaths.push((70, Part::Worker));
        world.run(&mut supervisor, 90).unwrap();
        assert_eq!(
            world.announced[RESTARTS + 1..],
            ["Worker was built anew: again in 3 s", "Worker ended: again in 3 s"]
        );
    }

    #[test]
    fn ctrl_c_during_a_start_is_no_failure_of_the_part() {
        let mut world = Played::new(&[(10, Part::Edge)]);
        world.interrupted_at = 11;
        let end = world.run(&mut Supervisor::new(Patience::Ends), 60).unwrap_err();
        assert!(end.is::<Interrupted>() && world.announced.is_empty());
    }

    #[test]
    fn a_part_is_not_started_again_for_ever() {
        let (mut restarts, start) = (Restarts::default(), Instant::now());
        let mut may = |second| restarts.may(start + Duration::from_secs(second));
        assert!((0..5).all(&mut may));
        assert!(!may(5) && !may(599));
        assert!(may(600), "the first one is forgotten");
        assert!(!may(600));
    }
}
