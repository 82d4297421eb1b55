use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use super::Fingerprint;
use crate::{console::Console, process::Run, repository::Repository};

/// What a step says of itself.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// A short name: of the log, the stamp, and in messages.
    pub name: &'static str,
    /// What it brings, with the size of what it downloads.
    pub what: &'static str,
    /// What to do when it fails.
    pub advice: &'static str,
    /// Steps that must be done before.
    pub after: &'static [&'static str],
    /// The folder it compiles into, if it compiles. Cargo lets one build at a time into each.
    pub compiles_into: Option<&'static str>,
    /// How many seconds it took in a cold run on two quiet cores, beside the others: what progress is judged by.
    pub recorded_secs: u64,
    /// How many packages cargo compiled then; 0 for what compiles none.
    pub recorded_packages: usize,
}

impl About {
    /// What is true of a step unless it says otherwise: it waits for none and compiles nothing.
    pub const NOTHING: Self = Self {
        name: "",
        what: "",
        advice: "",
        after: &[],
        compiles_into: None,
        recorded_secs: 0,
        recorded_packages: 0,
    };
}

/// One thing that must be there before something else can be done.
pub trait Step: Send + Sync {
    /// What it says of itself.
    fn about(&self) -> About;

    /// Its short name, which is asked for most.
    fn name(&self) -> &'static str {
        self.about().name
    }

    /// What its outcome depends on; nothing for a step that looks by itself whether [it is done](Step::is_done).
    fn made_from(&self, _: &Repository) -> Result<Fingerprint> {
        Ok(Fingerprint::new())
    }

    /// What is there when it is done.
    fn makes(&self, _: &Repository) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Whether there is nothing to do.
    fn is_done(&self, repository: &Repository) -> Result<bool> {
        is_stamped(self, repository)
    }

    /// Does it. A step that was interrupted is begun anew, so leftovers are its to remove.
    fn work(&self, work: &Work<'_>) -> Result<()>;
}

/// What a step works with.
#[derive(Debug)]
pub struct Work<'a> {
    /// The checkout that it works in.
    pub repository: &'a Repository,
    /// Where it says what it does.
    pub console: Console,
    /// Runs programs into the step's log.
    pub run: Run<'a>,
}

impl Work<'_> {
    /// Runs a program at the root of the checkout.
    pub fn program(&self, command: &mut Command) -> Result<()> {
        self.run.program(command.current_dir(self.repository.root()))
    }

    /// Says something about the step.
    pub fn note(&self, what: &str) {
        self.console.note(self.run.name, what);
    }
}

/// Whether everything that the step makes is there, and was made of what it would be made of now.
pub(super) fn is_stamped(step: &(impl Step + ?Sized), repository: &Repository) -> Result<bool> {
    let stamp = fs::read_to_string(stamp_path(repository, step.name())).unwrap_or_default();
    let there = step.makes(repository).iter().all(|path| path.exists());
    Ok(there && stamp == step.made_from(repository)?.finish())
}

/// Remembers that a step is done, of what.
pub(super) fn stamp(repository: &Repository, step: &dyn Step, made_from: Fingerprint) -> Result<()> {
    let path = stamp_path(repository, step.name());
    let hash = made_from.finish();
    fs::create_dir_all(path.parent().unwrap_or(&path))?;
    fs::write(&path, hash).with_context(|| path.display().to_string())
}

/// Whether it was done once, of whatever.
pub(super) fn was_done(repository: &Repository, step: &dyn Step) -> bool {
    stamp_path(repository, step.name()).exists()
}

/// Remembers that everything found room once: what is built again needs little more.
pub(super) fn remember_room(repository: &Repository) -> Result<()> {
    let path = stamp_path(repository, ROOM);
    fs::create_dir_all(path.parent().unwrap_or(&path))?;
    fs::write(&path, "").with_context(|| path.display().to_string())
}

/// Whether everything has found room on this machine before.
pub(super) fn found_room(repository: &Repository) -> bool {
    stamp_path(repository, ROOM).exists()
}

const ROOM: &str = "room";

fn stamp_path(repository: &Repository, name: &str) -> PathBuf {
    repository.tool("stamps").join(name)
}
