use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{Fingerprint, Step, Work};
use crate::{process::answer, repository::Repository};

/// `.tools/bin/{wasm-bindgen, worker-build}`: what turns the edge's Rust into a Worker.
pub(super) struct WasmTools;

/// A program from the registry, at the version that the edge's crates ask for.
struct Tool {
    /// The program.
    program: &'static str,
    /// The package that has it.
    package: &'static str,
    /// The crate in Cargo.lock whose version it must have.
    follows: &'static str,
    /// Further options of `cargo install`.
    options: &'static [&'static str],
}

const TOOLS: [Tool; 2] = [
    // Its own lock file does not resolve any more, so it is installed without.
    Tool {
        program: "wasm-bindgen",
        package: "wasm-bindgen-cli",
        follows: "wasm-bindgen",
        options: &["--no-default-features"],
    },
    Tool { program: "worker-build", package: "worker-build", follows: "worker", options: &["--locked"] },
];

impl Step for WasmTools {
    fn name(&self) -> &'static str {
        "wasm-tools"
    }

    fn what(&self) -> String {
        "compiling wasm-bindgen and worker-build, which build the edge: 30 MB to download, 3 to 6 min".to_owned()
    }

    fn advice(&self) -> &'static str {
        "look at the network, then run the command again"
    }

    fn compiles_into(&self) -> Option<&'static str> {
        Some(".tools/wasm-tools-target")
    }

    fn made_from(&self, _: &Repository) -> Result<Fingerprint> {
        Ok(Fingerprint::new())
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        TOOLS.iter().map(|tool| repository.tool("bin").join(tool.program)).collect()
    }

    fn is_done(&self, repository: &Repository) -> Result<bool> {
        let lock = read_lock(repository)?;
        Ok(TOOLS
            .iter()
            .all(|tool| locked_version(&lock, tool.follows).is_some_and(|wanted| tool.has(repository, wanted))))
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let lock = read_lock(work.repository)?;
        let target = work.repository.tool("wasm-tools-target");
        for tool in &TOOLS {
            let wanted = locked_version(&lock, tool.follows)
                .with_context(|| format!("Cargo.lock has no {}: is the edge in the workspace?", tool.follows))?;
            if !tool.has(work.repository, wanted) {
                tool.install(work, wanted, &target)?;
            }
        }
        // 1 GB of object files that nobody needs again.
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        Ok(())
    }
}

impl Tool {
    fn has(&self, repository: &Repository, wanted: &str) -> bool {
        let said = answer(Command::new(repository.tool("bin").join(self.program)).arg("--version"));
        // One says "wasm-bindgen 0.2.1", the other "0.8.7".
        said.is_some_and(|said| said.split_whitespace().last() == Some(wanted))
    }

    /// A debug build takes a third of the time and does its work as well.
    fn install(&self, work: &Work<'_>, version: &str, target: &Path) -> Result<()> {
        let mut cargo = Command::new("cargo");
        cargo
            .args(["install", "--debug", "--bin", self.program, "--force"])
            .args(self.options)
            .arg("--root")
            .arg(work.repository.tool(""))
            .arg("--target-dir")
            .arg(target)
            .arg(format!("{}@{version}", self.package))
            .env("CARGO_PROFILE_DEV_DEBUG", "0");
        work.program(&mut cargo)
    }
}

fn read_lock(repository: &Repository) -> Result<String> {
    fs::read_to_string(repository.path("Cargo.lock")).context("Cargo.lock")
}

/// The version of a package in Cargo.lock.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?;
    version.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_lock_file() {
        let lock = "[[package]]\nname = \"worker-sys\"\nversion = \"0.8.1\"\n\n[[package]]\nname = \"worker\"\nversion = \
                    \"0.8.7\"\nsource = \"x\"\n";
        assert_eq!(locked_version(lock, "worker"), Some("0.8.7"));
        assert_eq!(locked_version(lock, "wasm-bindgen"), None);
    }
}
