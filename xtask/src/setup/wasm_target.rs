use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use super::{About, Step, Work, debian_wasm};
use crate::{
    process::{answer, on_path},
    repository::Repository,
};

/// The target that Workers are built for.
const TARGET: &str = "wasm32-unknown-unknown";

/// How long rustup may take: it downloads 20 MB.
const RUSTUP_SECONDS: &str = "300";

/// Rust's standard library for wasm.
pub(super) struct WasmTarget;

/// Where the standard library for wasm comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WasmToolchain {
    /// The Rust of the checkout has it.
    Own,
    /// A Rust of its own, whose `bin` folder goes first in the path; it has no clippy.
    Separate(PathBuf),
    /// There is none yet.
    Missing,
}

impl Step for WasmTarget {
    fn about(&self) -> About {
        About {
            name: "wasm-target",
            what: "Rust's standard library for wasm, by rustup: 20 MB to download",
            advice: "run `rustup target add wasm32-unknown-unknown`, then the command again",
            // The fallback does.
            compiles_into: Some(".tools/wasm-toolchain"),
            recorded_secs: 10,
            ..About::NOTHING
        }
    }

    fn is_done(&self, repository: &Repository) -> Result<bool> {
        Ok(wasm_toolchain(repository) != WasmToolchain::Missing)
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let by_rustup = on_path("rustup").is_some()
            && work.program(Command::new("timeout").args([RUSTUP_SECONDS, "rustup", "target", "add", TARGET])).is_ok();
        crate::process::interrupt::check()?;
        if by_rustup && wasm_toolchain(work.repository) == WasmToolchain::Own {
            return Ok(());
        }
        if on_path("apt-get").is_none() || on_path("dpkg-deb").is_none() {
            bail!("rustup could not add {TARGET}, and the other way needs a Debian or Ubuntu");
        }
        work.note("rustup could not add it: building it from Debian's packages instead, 140 MB to download, 2 min");
        debian_wasm::build(work, &separate(work.repository))
    }
}

/// Looks where the standard library for wasm is.
pub fn wasm_toolchain(repository: &Repository) -> WasmToolchain {
    let own = answer(
        Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).current_dir(repository.root()),
    );
    if own.is_some_and(|folder| has_std(Path::new(&folder))) {
        return WasmToolchain::Own;
    }
    let folder = separate(repository);
    if folder.join(".done").is_file() { WasmToolchain::Separate(folder) } else { WasmToolchain::Missing }
}

fn separate(repository: &Repository) -> PathBuf {
    repository.tool("wasm-toolchain")
}

fn has_std(folder: &Path) -> bool {
    let is_std = |name: &str| name.starts_with("libstd-") && name.ends_with(".rlib");
    fs::read_dir(folder)
        .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(is_std)))
}
