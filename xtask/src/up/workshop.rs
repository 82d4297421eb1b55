//! `cargo xtask up --watch`: notices what is saved and builds what is made of it, beside everything that runs.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Instant,
};

use anyhow::Result;

use super::{
    fast_edge::FastEdge,
    saves::{Save, Saves},
    sources::{Sources, Target, touched_by},
};
use crate::{
    build::{WORKER, catalog},
    console::Console,
    process::interrupt::Interrupted,
    repository::Repository,
    setup::{Step, run_steps},
};

/// What was built and is to be put into its place.
#[derive(Debug)]
pub(super) enum Made {
    Edge,
    Worker,
    /// The catalog as JSON.
    Catalog(String),
}

/// One thing that was built, of what.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) made: Made,
    pub(super) save: Save,
}

/// What of the sources is built and what is not.
#[derive(Debug)]
pub(super) struct Workshop {
    repository: Repository,
    console: Console,
    sources: Sources,
    saves: BTreeMap<Target, Saves>,
    said: Sender<(Target, Option<Built>)>,
    heard: Receiver<(Target, Option<Built>)>,
}

impl Workshop {
    /// What is saved from now on is built: to be made before anything else is built.
    pub(super) fn open(repository: &Repository, console: Console) -> Self {
        let sources = Sources::of(repository);
        let (said, heard) = channel();
        Self { repository: repository.clone(), console, sources, saves: BTreeMap::new(), said, heard }
    }

    /// Notices what was saved, begins what is to be built, and gives what was built meanwhile.
    pub(super) fn look(&mut self, now: Instant) -> Vec<Built> {
        let sources = Sources::of(&self.repository);
        for file in sources.changed_since(&self.sources) {
            for target in touched_by(&file) {
                self.saves.entry(*target).or_default().note(file.clone(), now);
            }
        }
        self.sources = sources;
        let mut built = Vec::new();
        while let Ok((target, outcome)) = self.heard.try_recv() {
            self.saves.entry(target).or_default().ended();
            built.extend(outcome);
        }
        for target in Target::ALL {
            if let Some(save) = self.saves.entry(target).or_default().begin(now) {
                self.begin(target, save);
            }
        }
        built
    }

    /// The thread ends with this program at the latest, and the guards of what it runs with it.
    fn begin(&self, target: Target, save: Save) {
        let (repository, console, said) = (self.repository.clone(), self.console, self.said.clone());
        console.note(target.name(), &format!("{save} was saved"));
        thread::spawn(move || {
            let built = match build(&repository, console, target) {
                Ok(made) => Some(Built { made, save }),
                Err(error) if error.is::<Interrupted>() => None,
                Err(error) => {
                    let name = target.name();
                    console.warning(&format!("{name}: what runs goes on as it was\n{error:#}"));
                    None
                }
            };
            // Who listened is gone when everything ends.
            let _ = said.send((target, built));
        });
    }
}

fn build(repository: &Repository, console: Console, target: Target) -> Result<Made> {
    let step = |step: Box<dyn Step>| run_steps(repository, console, &[step]);
    Ok(match target {
        Target::Edge => step(Box::new(FastEdge)).map(|_| Made::Edge)?,
        Target::Worker => step(Box::new(WORKER)).map(|_| Made::Worker)?,
        Target::Catalog => Made::Catalog(serde_json::to_string(&catalog(repository)?)?),
    })
}
