use std::borrow::Cow;

use anyhow::{Context as _, Result, bail};
use nix::sys::statvfs::statvfs;

use super::{node, python, step};
use crate::{console, process::on_path, repository::Repository};

/// Programs that must be on the machine, what for, and the Debian or Ubuntu packages that bring them.
const PROGRAMS: [(&[&str], &str, &str); 8] = [
    (&["git"], "to find out what changed", "git"),
    (&["cc"], "to link Rust programs", "build-essential"),
    (&["c++", "g++"], "to build the bindings of libtorch", "build-essential"),
    (&["readelf"], "to lay out libtorch", "build-essential"),
    (&["gzip"], "to measure the edge's bundle", "gzip"),
    (&["tar"], "to pack the worker", "tar"),
    (&["node"], "to run the edge", "nodejs"),
    (&["npm"], "to install what runs the edge", "npm"),
];

/// What packing needs none of: it starts no edge.
const NOT_TO_PACK: &[&str] = &["node", "npm"];

/// What the checkout takes on the disk once everything is built for `up`, and what more the tests do; measured, and a fifth
/// more. Caches of downloads in the home folder are among it.
const DISK_UP: u64 = 8_000_000_000;
const DISK_TEST: u64 = 14_000_000_000;
/// What logs, results and a new build of what changed take.
const DISK_AGAIN: u64 = 1_000_000_000;

/// What is to be done, for how much room it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To start the parts.
    Up,
    /// To test them, or to measure them.
    Test,
    /// To pack the worker.
    Package,
}

/// One thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What is in the way, in words.
    pub what: String,
    /// The Debian or Ubuntu packages that help, if packages do.
    pub packages: Cow<'static, str>,
}

impl Obstacle {
    /// One that no package helps with.
    pub fn of(what: impl Into<String>) -> Self {
        Self { what: what.into(), packages: Cow::Borrowed("") }
    }
}

/// Tells everything that stands in the way at once, `others` included, with what to do.
pub fn check(repository: &Repository, purpose: Purpose, others: Vec<Obstacle>) -> Result<()> {
    let mut obstacles = Vec::new();
    let is_wanted = |name: &&str| purpose != Purpose::Package || !NOT_TO_PACK.contains(name);
    for (names, what_for, packages) in PROGRAMS {
        if names.iter().any(is_wanted) && !names.iter().any(|name| on_path(name).is_some()) {
            let what = format!("{} is missing ({what_for})", names.join(" or "));
            obstacles.push(Obstacle { what, packages: packages.into() });
        }
    }
    if purpose != Purpose::Package
        && on_path("node").is_some()
        && let Some(what) = node::too_old()
    {
        obstacles.push(Obstacle::of(what));
    }
    if python::is_needed(repository, purpose)
        && let Err(why) = python::find()
    {
        obstacles.push(Obstacle { what: why.what, packages: why.package.into() });
    }
    let root = repository.root();
    let disk = statvfs(root).with_context(|| root.display().to_string())?;
    let free = disk.blocks_available() * disk.fragment_size();
    obstacles.extend(room(free, wanted(purpose, step::found_room(repository))));
    obstacles.extend(others);
    if obstacles.is_empty() {
        return Ok(());
    }
    bail!(explain(&obstacles))
}

/// How many bytes must be free.
fn wanted(purpose: Purpose, was_built: bool) -> u64 {
    match purpose {
        _ if was_built => DISK_AGAIN,
        Purpose::Up | Purpose::Package => DISK_UP,
        Purpose::Test => DISK_TEST,
    }
}

fn room(free: u64, wanted: u64) -> Option<Obstacle> {
    let (has, needs) = (console::bytes(free), console::bytes(wanted));
    (free < wanted).then(|| Obstacle::of(format!("the disk has {has} free where {needs} are needed: make room")))
}

fn explain(obstacles: &[Obstacle]) -> String {
    let list: Vec<String> = obstacles.iter().map(|obstacle| format!("  - {}", obstacle.what)).collect();
    let mut packages: Vec<&str> = obstacles.iter().flat_map(|obstacle| obstacle.packages.split_whitespace()).collect();
    packages.sort_unstable();
    packages.dedup();
    let mut text = format!("this machine is not ready:\n{}", list.join("\n"));
    if !packages.is_empty() {
        text.push_str(&format!("\n  what to do (Debian, Ubuntu): sudo apt install {}", packages.join(" ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_way_is_named_at_once_and_each_package_once() {
        let missing =
            |what: &str, packages: &'static str| Obstacle { what: what.to_owned(), packages: packages.into() };
        let text = explain(&[
            missing("cc is missing (to link)", "build-essential"),
            missing("npm is missing (to install)", "npm"),
            missing("c++ is missing (to build)", "build-essential"),
            missing("python is missing", "python3 python3-venv"),
            Obstacle::of("port 8787 is taken"),
        ]);
        assert!(text.contains("- cc is missing (to link)\n  - npm is missing (to install)\n  - c++"), "{text}");
        assert!(text.contains("- port 8787 is taken\n"), "{text}");
        assert!(text.ends_with("sudo apt install build-essential npm python3 python3-venv"), "{text}");
        assert!(!explain(&[Obstacle::of("no room")]).contains("apt"));
    }

    #[test]
    fn room_is_asked_for_before_it_runs_out() {
        assert_eq!(room(wanted(Purpose::Up, false), wanted(Purpose::Up, false)), None);
        let little = room(3_000_000_000, wanted(Purpose::Test, false)).unwrap();
        assert!(little.what.contains("3.0 GB free where 14.0 GB are needed"), "{}", little.what);
        assert_eq!(room(3_000_000_000, wanted(Purpose::Test, true)), None, "what was built is not built again");
    }
}
