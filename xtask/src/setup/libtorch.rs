use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{
    About, Fingerprint, Step, Work,
    exporter::{exporter, torch_dir},
};
use crate::repository::Repository;

/// `.tools/libtorch`: the exporter's torch laid out as Rust's torch-sys wants it.
pub(super) struct Libtorch;

impl Step for Libtorch {
    fn about(&self) -> About {
        About {
            name: "libtorch",
            what: "links to the libtorch 2.11.0 that the worker is built with",
            advice: "remove .tools/python and .tools/libtorch and run the command again, or set LIBTORCH to a libtorch 2.11.0",
            after: &["exporter-python"],
            recorded_secs: 1,
            ..About::NOTHING
        }
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        Fingerprint::new()
            .text("root", &repository.root().to_string_lossy())
            .file(&repository.tool("stamps/exporter-python"))?
            .file(&repository.path("models/libtorch_farm.py"))
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        vec![ours(repository).join("build-version"), ours(repository).join("lib/libtorch_cpu.so")]
    }

    fn is_done(&self, repository: &Repository) -> Result<bool> {
        if libtorch_dir(repository) != ours(repository) {
            return Ok(true);
        }
        let stamp = std::fs::read_to_string(repository.tool("stamps/libtorch")).unwrap_or_default();
        Ok(self.makes(repository).iter().all(|path| path.exists()) && stamp == self.made_from(repository)?.finish())
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let python = exporter(work.repository);
        let torch = torch_dir(&python).context("the exporter's Python has no torch")?;
        let script = work.repository.path("models/libtorch_farm.py");
        work.program(Command::new(&python).arg(script).arg(torch).arg(ours(work.repository)))
    }
}

/// The libtorch that cargo builds with: `LIBTORCH` where it is set, else the one that set-up lays out.
///
/// `.cargo/config.toml` sets `LIBTORCH` too where it is not set, so it is mostly ours that is found there.
pub fn libtorch_dir(repository: &Repository) -> PathBuf {
    let given = env::var_os("LIBTORCH").map(PathBuf::from).filter(|path| !path.as_os_str().is_empty());
    given.map_or_else(|| ours(repository), |given| absolute(repository, &given))
}

fn ours(repository: &Repository) -> PathBuf {
    repository.tool("libtorch")
}

fn absolute(repository: &Repository, path: &Path) -> PathBuf {
    repository.root().join(path)
}

#[cfg(test)]
mod tests {
    use super::{super::exporter::TORCH, *};

    #[test]
    fn the_libtorch_that_is_named_is_the_exporters() {
        let about = Libtorch.about();
        assert!(about.what.contains(TORCH) && about.advice.contains(TORCH), "{about:?}");
    }
}
