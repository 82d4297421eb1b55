use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{
    About, Fingerprint, Step, Work,
    exporter::{FOR_CUDA, exporter, torch_dir},
    python, step,
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
        if is_given(repository) {
            return Ok(true);
        }
        step::is_stamped(self, repository)
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let python = exporter(work.repository);
        let torch = torch_dir(&python).context("the exporter's Python has no torch")?;
        let script = work.repository.path("models/libtorch_farm.py");
        work.program(Command::new(&python).arg(script).arg(torch).arg(ours(work.repository)))
    }
}

/// `.tools/libtorch-cuda`: the same release with its CUDA half and NVIDIA's libraries, to be packed. It is not run here, and
/// what is built against the other one goes with it: their CPU halves are one file.
pub(super) struct CudaLibtorch;

impl Step for CudaLibtorch {
    fn about(&self) -> About {
        About {
            name: "libtorch-cuda",
            what: "PyTorch 2.11 with CUDA, to be packed: 2.9 GB to download, 5 GB on disk",
            advice: python::ADVICE,
            recorded_secs: 120,
            ..About::NOTHING
        }
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        python::made_from(repository, FOR_CUDA)?.file(&repository.path("models/libtorch_farm.py"))
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        vec![ours_with_cuda(repository).join("lib/libtorch_cuda.so")]
    }

    fn is_done(&self, repository: &Repository) -> Result<bool> {
        if cuda_libtorch(repository) != ours_with_cuda(repository) {
            return Ok(true);
        }
        step::is_stamped(self, repository)
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let folder = work.repository.tool("torch-cuda");
        let python = folder.join("bin/python");
        python::Environment { folder, python: python::required()?, sees_system: false, requirements: &[FOR_CUDA] }
            .make(work)?;
        let torch = torch_dir(&python).context("torch is not there after its installation")?;
        let script = work.repository.path("models/libtorch_farm.py");
        work.program(Command::new(&python).arg(script).arg(torch).arg(ours_with_cuda(work.repository)))
    }
}

/// A libtorch with torch's CUDA half: the one that cargo builds with where it has one, else the one that is made to be
/// packed.
pub fn cuda_libtorch(repository: &Repository) -> PathBuf {
    let built_with = libtorch_dir(repository);
    let has_cuda = built_with.join("lib/libtorch_cuda.so").exists();
    if has_cuda { built_with } else { ours_with_cuda(repository) }
}

fn ours_with_cuda(repository: &Repository) -> PathBuf {
    repository.tool("libtorch-cuda")
}

/// Whether `LIBTORCH` names one that set-up does not make.
pub(super) fn is_given(repository: &Repository) -> bool {
    libtorch_dir(repository) != ours(repository)
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
