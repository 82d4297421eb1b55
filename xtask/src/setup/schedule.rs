use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Error, Result, bail};

use super::{
    progress::{Progress, Share},
    step::{self, Step, Work},
};
use crate::{
    console::{self, Console},
    process::{Failure, Run, interrupt, sign_of_life, tail},
    repository::Repository,
};

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StepState {
    Waiting,
    Running(Instant),
    /// It was done in this run.
    Done,
    /// There was nothing to do: it was there before.
    There,
}

impl StepState {
    fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    fn is_over(&self) -> bool {
        matches!(self, Self::Done | Self::There)
    }
}

/// Which steps are done, for those who wait for some of them.
#[derive(Debug, Default)]
pub struct Board {
    done_steps: Mutex<DoneSteps>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct DoneSteps {
    done: BTreeSet<&'static str>,
    /// Whether nothing more will be done.
    over: bool,
}

impl Board {
    /// Waits until all of these are done; `false` when some never will be.
    pub fn wait(&self, steps: &[&str]) -> bool {
        let done_steps = self.done_steps.lock().unwrap_or_else(PoisonError::into_inner);
        let is_open =
            |done_steps: &mut DoneSteps| !done_steps.over && !steps.iter().all(|step| done_steps.done.contains(step));
        let done_steps = self.changed.wait_while(done_steps, is_open).unwrap_or_else(PoisonError::into_inner);
        steps.iter().all(|step| done_steps.done.contains(step))
    }

    fn note(&self, change: impl FnOnce(&mut DoneSteps)) {
        change(&mut self.done_steps.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }
}

/// A compile has stretches that keep one core busy, so one more runs beside it; a third would only take memory.
const COMPILES_AT_ONCE: usize = 2;

/// How often a line says how far everything is.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Brings every step that is not done: downloads beside compiles, and compiles beside one another. Answers how many worked.
///
/// The first failure stops the others; it is what comes back.
pub fn run(repository: &Repository, console: Console, steps: &[Box<dyn Step>]) -> Result<usize> {
    run_noting(repository, console, steps, &Board::default())
}

/// The same, noting on the board each step that is done, and when it is over.
pub fn run_noting(repository: &Repository, console: Console, steps: &[Box<dyn Step>], board: &Board) -> Result<usize> {
    let _over = Over(board);
    bring_all(repository, console, steps, board)
}

/// Whatever happens, nobody waits for ever.
struct Over<'a>(&'a Board);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.note(|done_steps| done_steps.over = true);
    }
}

fn bring_all(repository: &Repository, console: Console, steps: &[Box<dyn Step>], board: &Board) -> Result<usize> {
    let began = Instant::now();
    let cancel = AtomicBool::new(false);
    let mut states = vec![StepState::Waiting; steps.len()];
    let mut worked = 0;
    let mut failure: Option<Error> = None;
    let (done, finished) = mpsc::channel();

    thread::scope(|scope| {
        loop {
            if failure.is_none() {
                for index in next(steps, &states) {
                    let (Some(step), Some(entry)) = (steps.get(index), states.get_mut(index)) else { continue };
                    *entry = StepState::Running(Instant::now());
                    let (done, cancel) = (done.clone(), &cancel);
                    scope.spawn(move || {
                        let outcome = bring(repository, console, step.as_ref(), cancel);
                        // The receiver lives as long as the scope.
                        let _ = done.send((index, outcome));
                    });
                }
            }
            if !states.iter().any(StepState::is_running) {
                break;
            }
            let (index, outcome) = match finished.recv_timeout(HEARTBEAT) {
                Ok(finished) => finished,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    console.note("set-up", &far(repository, steps, &states, began));
                    continue;
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            };
            if let Some(entry) = states.get_mut(index) {
                *entry = if matches!(outcome, Ok(false)) { StepState::There } else { StepState::Done };
            }
            match outcome {
                Ok(did) => {
                    worked += usize::from(did);
                    board.note(|done_steps| done_steps.done.extend(steps.get(index).map(|step| step.name())));
                }
                Err(error) if failure.is_none() => {
                    cancel.store(true, Ordering::SeqCst);
                    failure = Some(error);
                }
                Err(_) => {}
            }
        }
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    if !states.iter().all(StepState::is_over) {
        bail!("some steps wait for each other; this is a bug");
    }
    step::remember_room(repository)?;
    Ok(worked)
}

/// How far everything is, and what is being done.
fn far(repository: &Repository, steps: &[Box<dyn Step>], states: &[StepState], began: Instant) -> String {
    let mut doing = Vec::new();
    let mut shares = Vec::new();
    for (step, state) in steps.iter().zip(states) {
        let recorded = Duration::from_secs(step.about().recorded_secs);
        shares.push(match state {
            StepState::Waiting => Share::Waiting(recorded),
            StepState::Running(since) => {
                let log = repository.step_log(step.name());
                let last = tail(&log, 1).pop().unwrap_or_default();
                doing.push(format!("{}: {}", step.name(), sign_of_life(&last)));
                // Where cargo compiles, what it has compiled says more than the time: machines differ.
                let done = match step.about().recorded_packages {
                    0 => since.elapsed().as_secs_f64() / recorded.as_secs_f64().max(1.0),
                    packages => compiled(&log) as f64 / packages as f64,
                };
                Share::Running { recorded, done }
            }
            StepState::Done => Share::Done(recorded),
            // It says nothing of this run's speed.
            StepState::There => continue,
        });
    }
    let doing = doing.join(" · ");
    let is_open = |state: &StepState| !state.is_over();
    let mut open = steps.iter().zip(states).filter(|(_, state)| is_open(state)).map(|(step, _)| step);
    // What was built before is built again in part, and nobody knows how large a part.
    if open.any(|step| step::was_done(repository, step.as_ref())) {
        return doing;
    }
    format!("{} · {doing}", Progress::of(&shares, began.elapsed()))
}

/// How many packages cargo has begun to compile, as a step's log says.
fn compiled(log: &Path) -> usize {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().filter(|line| line.trim_start().starts_with("Compiling ")).count()
}

/// The steps that may begin now: what they need is done, and no compile is in their way.
fn next(steps: &[Box<dyn Step>], states: &[StepState]) -> Vec<usize> {
    let pairs = || steps.iter().zip(states);
    let open: BTreeSet<&str> = pairs().filter(|(_, now)| !now.is_over()).map(|(step, _)| step.name()).collect();
    let running = pairs().filter(|(_, now)| now.is_running());
    let mut folders: Vec<&str> = running.filter_map(|(step, _)| step.about().compiles_into).collect();
    let mut begin = Vec::new();
    for (index, (step, now)) in pairs().enumerate() {
        if *now != StepState::Waiting || step.about().after.iter().any(|name| open.contains(name)) {
            continue;
        }
        if let Some(folder) = step.about().compiles_into {
            if folders.len() >= COMPILES_AT_ONCE || folders.contains(&folder) {
                continue;
            }
            folders.push(folder);
        }
        begin.push(index);
    }
    begin
}

/// Brings one step; answers whether there was anything to do.
fn bring(repository: &Repository, console: Console, step: &dyn Step, cancel: &AtomicBool) -> Result<bool> {
    interrupt::check()?;
    if step.is_done(repository)? {
        return Ok(false);
    }
    console.begin(step.name(), step.about().what);
    let started = Instant::now();
    let log = repository.step_log(step.name());
    let mut run = Run::new(console, step.name(), &log)?;
    run.cancel = Some(cancel);
    run.shows_life = false;
    // What is saved while it works is not what it was made from.
    let made_from = step.made_from(repository)?;
    let outcome = step.work(&Work { repository, console, run }).and_then(|()| step::stamp(repository, step, made_from));
    match outcome {
        Ok(()) => {
            console.done(step.name(), &console::duration(started.elapsed()));
            Ok(true)
        }
        Err(error) => {
            let took = console::duration(started.elapsed());
            if error.is::<interrupt::Interrupted>() || cancel.load(Ordering::SeqCst) {
                console.failed(step.name(), &format!("stopped after {took}"));
                return Err(error);
            }
            console.failed(step.name(), &format!("failed after {took}"));
            Err(match error.downcast::<Failure>() {
                Ok(failure) if failure.advice.is_empty() => failure.advise(step.about().advice).into(),
                Ok(failure) => failure.into(),
                Err(error) => {
                    Failure::new(step.name(), format!("failed: {error:#}"), &log).advise(step.about().advice).into()
                }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::setup::{About, Fingerprint};

    struct Named(About);

    fn named(name: &'static str, after: &'static [&'static str], compiles_into: Option<&'static str>) -> Box<dyn Step> {
        Box::new(Named(About { name, after, compiles_into, recorded_secs: 1, ..About::NOTHING }))
    }

    impl Step for Named {
        fn about(&self) -> About {
            self.0
        }
        fn made_from(&self, _: &Repository) -> Result<Fingerprint> {
            Ok(Fingerprint::new())
        }
        fn makes(&self, _: &Repository) -> Vec<PathBuf> {
            Vec::new()
        }
        fn work(&self, _: &Work<'_>) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn downloads_run_beside_compiles_and_those_beside_one_another_in_folders_of_their_own() {
        use StepState::{Done, There, Waiting};
        let running = StepState::Running(Instant::now());
        let steps: Vec<Box<dyn Step>> = vec![
            named("download", &[], None),
            named("compile", &[], Some("a")),
            named("compile-after", &["download"], Some("a")),
            named("compile-elsewhere", &[], Some("b")),
            named("compile-third", &[], Some("c")),
            // What is not on the list is taken to be there.
            named("last", &["compile-after", "not-listed"], None),
        ];
        for (states, begin) in [
            ([Waiting, Waiting, Waiting, Waiting, Waiting, Waiting], vec![0, 1, 3]),
            ([Done, running, Waiting, running, Waiting, Waiting], vec![]),
            ([Done, running, Waiting, Done, Waiting, Waiting], vec![4]),
            ([Done, There, Waiting, running, Waiting, Waiting], vec![2]),
            ([running, Done, Waiting, running, Waiting, Waiting], vec![4]),
            ([Done, Done, Done, Done, Done, Waiting], vec![5]),
        ] {
            assert_eq!(next(&steps, &states), begin, "{states:?}");
        }
    }

    #[test]
    fn who_waits_for_steps_goes_on_when_they_are_done_and_when_they_never_will_be() {
        let board = Board::default();
        assert!(board.wait(&[]));
        board.note(|done_steps| done_steps.done.extend(["a"]));
        assert!(board.wait(&["a"]));
        thread::scope(|scope| {
            let waits = [scope.spawn(|| board.wait(&["a", "b"])), scope.spawn(|| board.wait(&["a", "c"]))];
            board.note(|done_steps| done_steps.done.extend(["b"]));
            board.note(|done_steps| done_steps.over = true);
            assert_eq!(waits.map(|wait| wait.join().unwrap()), [true, false]);
        });
    }
}
