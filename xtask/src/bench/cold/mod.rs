//! `cargo xtask bench cold`: from a fresh clone with empty caches to the first result, beside an earlier commit.

mod clone;
mod compiled;

use std::fmt;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::{
    console::{self, Console},
    process::answer,
    repository::Repository,
};
use clone::{FreshClone, Spent};
use compiled::Compiled;

/// The most of the earlier commit's CPU time that is wanted.
const TARGET_CPU: f64 = 0.6;

/// A cold start of this commit beside one of an earlier commit.
#[derive(Debug, Serialize)]
pub(super) struct Cold {
    ours: ColdStart,
    beside: ColdStart,
    /// Ours divided by the other's; downloads are in neither.
    cpu_ratio: f64,
    wall_ratio: f64,
}

/// One commit, from nothing.
#[derive(Debug, Serialize)]
struct ColdStart {
    commit: String,
    /// Downloads of crates, npm's and Python's packages, before anything is built.
    downloads: Spent,
    /// `cargo xtask up --once` with what was downloaded.
    up: Spent,
    compiled: Compiled,
}

/// Measures HEAD and then `beside`, each in a clone, a home and caches of its own.
pub(super) fn measure(repository: &Repository, console: Console, beside: &str) -> Result<Cold> {
    let side = |commit: &str| -> Result<ColdStart> {
        let name = git(repository, &["rev-parse", "--short", commit])?;
        let clone = FreshClone::of(repository, &name)?;
        console.begin("cold", &format!("{name} in {}: downloads", clone.folder().display()));
        let downloads = clone.download()?;
        console.note("cold", &format!("{name}: {downloads}; now `cargo xtask up --once`"));
        let up = clone.up()?;
        console.done("cold", &format!("{name}: {up}"));
        Ok(ColdStart { commit: name, downloads, up, compiled: Compiled::in_logs(&clone.logs())? })
    };
    let (ours, beside) = (side("HEAD")?, side(beside)?);
    let cpu_ratio = ours.up.cpu_secs / beside.up.cpu_secs;
    let wall_ratio = ours.up.wall_secs / beside.up.wall_secs;
    Ok(Cold { ours, beside, cpu_ratio, wall_ratio })
}

fn git(repository: &Repository, arguments: &[&str]) -> Result<String> {
    let mut git = std::process::Command::new("git");
    answer(git.args(arguments).current_dir(repository.root()))
        .with_context(|| format!("git {} failed: is it a commit of this repository?", arguments.join(" ")))
}

impl fmt::Display for Cold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.cpu_ratio <= TARGET_CPU { "met" } else { "NOT met" };
        writeln!(f, "cold start: {:.2} of the CPU time (target ≤ {TARGET_CPU:.2}, {verdict})", self.cpu_ratio)?;
        write!(f, "  = CPU time of `up --once` in a fresh clone ÷ the same at {}; ", self.beside.commit)?;
        write!(f, "of the clock's time {:.2}", self.wall_ratio)?;
        for ColdStart { commit, downloads, up, compiled } in [&self.ours, &self.beside] {
            write!(f, "\n  {commit}: {up}; {compiled}; downloads before: {downloads}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |secs: f64| console::duration(std::time::Duration::from_secs_f64(secs));
        write!(f, "{} by the clock, {} of CPU", shown(self.wall_secs), shown(self.cpu_secs))
    }
}
