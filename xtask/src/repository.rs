//! Where things lie in the checkout.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};

/// One checkout of the repository.
#[derive(Debug, Clone)]
pub struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The checkout this program belongs to: cargo says so when it runs one, else it is where it was built.
    pub fn find() -> Result<Self> {
        let member = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = member.parent().map(Path::to_path_buf).unwrap_or_default();
        ensure!(root.join("rust-toolchain.toml").is_file(), "{} is not a Forebay checkout", root.display());
        Ok(Self { root })
    }

    /// The checkout's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the root.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// What `setup` installed: `.tools/…`, ignored by git.
    pub fn tool(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(".tools").join(relative)
    }

    /// State and logs of what runs: `.run/…`, ignored by git.
    pub fn run(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(".run").join(relative)
    }

    /// The log of one set-up, build or test step.
    pub fn step_log(&self, step: &str) -> PathBuf {
        self.run("logs").join(format!("{step}.log"))
    }

    /// A path as people know it: relative to the root where it lies below.
    pub fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}
