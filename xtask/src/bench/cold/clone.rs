use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result};
use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;

use crate::{
    console::Console,
    process::{Run, answer},
    repository::Repository,
    stack::free_port,
};

/// What programs took. CPU time is that of all that was waited for: nearly everything, for parts are ended and waited for.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Spent {
    pub(super) wall_secs: f64,
    pub(super) cpu_secs: f64,
}

/// What a machine may have set that would take a program to caches, targets or libraries of this one.
const STRAY: [&str; 12] = [
    "CARGO",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_INCREMENTAL",
    "CARGO_MANIFEST_DIR",
    "CARGO_TARGET_DIR",
    "LIBTORCH",
    "PIP_CACHE_DIR",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "XDG_CACHE_HOME",
    "npm_config_cache",
];

/// Lists of Python's packages that `up` installs.
const PYTHON: [&str; 4] =
    ["xtask/pip.txt", "models/requirements-cpu.txt", "models/requirements.txt", "localstack/requirements.txt"];

/// A commit in a clone of its own, with an empty home. Removed when it is dropped.
///
/// It lies outside of the checkout, whose settings cargo would find above it. The compiler is the machine's.
#[derive(Debug)]
pub(super) struct FreshClone {
    folder: PathBuf,
}

impl FreshClone {
    pub(super) fn of(repository: &Repository, commit: &str) -> Result<Self> {
        let clone = Self { folder: env::temp_dir().join(format!("forebay-cold-{}-{commit}", std::process::id())) };
        for folder in ["home", "logs"] {
            fs::create_dir_all(clone.folder.join(folder)).with_context(|| clone.folder.display().to_string())?;
        }
        let mut git = Command::new("git");
        git.args(["clone", "--quiet", "--no-hardlinks"]).arg(repository.root()).arg(clone.checkout());
        clone.run("clone", &mut git)?;
        let mut git = Command::new("git");
        clone.run("clone", git.args(["checkout", "--quiet", "--detach", commit]).current_dir(clone.checkout()))?;
        Ok(clone)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the clone's steps wrote what they did.
    pub(super) fn logs(&self) -> PathBuf {
        self.checkout().join(".run/logs")
    }

    /// Fills the caches with what `up` will ask for. Few things come later: crates that an earlier commit installs as
    /// programs, and the standard library for wasm, where the compiler has none yet.
    pub(super) fn download(&self) -> Result<Spent> {
        self.spent(|| {
            self.run("download", self.command("cargo").args(["fetch", "--locked"]))?;
            let mut npm = self.command("npm");
            npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(self.checkout().join("edge"));
            self.run("download", &mut npm)?;
            fs::remove_dir_all(self.checkout().join("edge/node_modules"))?;
            let scratch = self.folder.join("scratch");
            self.run("download", self.command("python3").args(["-m", "venv"]).arg(&scratch))?;
            for list in PYTHON {
                let mut pip = self.command(scratch.join("bin/python"));
                pip.args(["-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:"]);
                pip.args(["--ignore-requires-python", "--quiet", "--dest"]).arg(scratch.join("wheels"));
                self.run("download", pip.args(["--requirement", list]))?;
            }
            Ok(fs::remove_dir_all(&scratch)?)
        })
    }

    /// Everything else, until the first result.
    pub(super) fn up(&self) -> Result<Spent> {
        let ports = [free_port()?.to_string(), free_port()?.to_string()];
        let mut up = self.command("cargo");
        up.args(["xtask", "up", "--once", "--edge-port", &ports[0], "--localstack-port", &ports[1]]);
        self.spent(|| self.run("up", &mut up))
    }

    fn checkout(&self) -> PathBuf {
        self.folder.join("forebay")
    }

    /// A program at the root of the clone, with nothing in its home.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.checkout()).env("HOME", self.folder.join("home"));
        command.env("CARGO_HOME", self.folder.join("home/.cargo"));
        if let Some(rustup) = answer(Command::new("rustup").args(["show", "home"])) {
            command.env("RUSTUP_HOME", rustup);
        }
        for name in STRAY {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, name: &str, command: &mut Command) -> Result<()> {
        let log = self.folder.join("logs").join(name);
        Run { shows_life: false, ..Run::new(Console::quiet(), name, &log)? }.program(command)
    }

    fn spent(&self, work: impl FnOnce() -> Result<()>) -> Result<Spent> {
        let (began, before) = (Instant::now(), cpu_secs()?);
        work()?;
        Ok(Spent { wall_secs: began.elapsed().as_secs_f64(), cpu_secs: cpu_secs()? - before })
    }
}

impl Drop for FreshClone {
    fn drop(&mut self) {
        // Some gigabytes; what cannot be removed is in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The CPU time of all children that were waited for, and of theirs, in seconds.
fn cpu_secs() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let secs = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(secs(usage.user_time()) + secs(usage.system_time()))
}
