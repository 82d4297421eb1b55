use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{About, Fingerprint, Step, Work, python};
use crate::{
    process::{answer, on_path},
    repository::Repository,
};

/// The torch that tch is made for.
pub(super) const TORCH: &str = "2.11.0";

const PIP: &str = "xtask/pip.txt";
const FOR_CPU: &str = "models/requirements-cpu.txt";
pub(super) const FOR_CUDA: &str = "models/requirements-cuda.txt";
const WEIGHTS: &str = "models/requirements.txt";
const STUBS: &str = "models/torch_stubs.py";

/// `.tools/python`: the Python that exports the models, and whose torch is the libtorch of the worker.
pub(super) struct ExporterPython;

impl Step for ExporterPython {
    fn about(&self) -> About {
        About {
            name: "exporter-python",
            what: "PyTorch 2.11 and the demonstration models' weights: 680 MB to download, 1.5 GB on disk",
            advice: "look at the network and at the space on the disk, then run the command again: finished downloads are kept",
            recorded_secs: 75,
            ..About::NOTHING
        }
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        // Virtual environments hold absolute paths.
        let mut made_from = Fingerprint::new().text("root", &repository.root().to_string_lossy());
        for file in [PIP, FOR_CPU, FOR_CUDA, WEIGHTS, STUBS] {
            made_from = made_from.file(&repository.path(file))?;
        }
        Ok(made_from)
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        vec![exporter(repository)]
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let folder = work.repository.tool("python");
        let environment = if let Some(python) = python_with_torch() {
            work.note(&format!("{} has torch {TORCH}: it is used, not downloaded", python.display()));
            python::Environment { folder, python, sees_system: true, requirements: &[WEIGHTS] }
        } else if Path::new("/dev/nvidiactl").exists() {
            work.note("this machine has an NVIDIA device: torch comes with CUDA, 2.9 GB to download, 5 GB on disk");
            python::Environment {
                folder,
                python: python::required()?,
                sees_system: false,
                requirements: &[FOR_CUDA, WEIGHTS],
            }
        } else {
            python::Environment {
                folder,
                python: python::required()?,
                sees_system: false,
                requirements: &[FOR_CPU, WEIGHTS],
            }
        };
        environment.make(work)?;
        if environment.requirements.contains(&FOR_CPU) {
            let torch = torch_dir(&exporter(work.repository)).context("torch is not there after its installation")?;
            work.program(Command::new(exporter(work.repository)).arg(work.repository.path(STUBS)).arg(torch))?;
        }
        Ok(())
    }
}

/// The exporter's interpreter.
pub(super) fn exporter(repository: &Repository) -> PathBuf {
    repository.tool("python/bin/python")
}

/// The folder of an interpreter's torch package; torch itself is not loaded, which would take seconds.
pub(super) fn torch_dir(python: &Path) -> Option<PathBuf> {
    let script = "import importlib.util as u\n\
                  s = u.find_spec('torch')\n\
                  print(s.submodule_search_locations[0] if s else '')";
    answer(Command::new(python).args(["-c", script])).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The machine's own Python, if it has the torch that is needed (as machines for CUDA mostly do).
fn python_with_torch() -> Option<PathBuf> {
    let python = on_path("python3")?;
    let version = std::fs::read_to_string(torch_dir(&python)?.join("version.py")).ok()?;
    is_wanted_torch(&version).then_some(python)
}

/// Whether `torch/version.py` names the wanted release, of whatever build (`2.11.0+cu130`).
fn is_wanted_torch(version_py: &str) -> bool {
    version_py.lines().filter_map(|line| line.strip_prefix("__version__ = ")).any(|version| {
        let release = version.trim_matches(['\'', '"']);
        release.split('+').next() == Some(TORCH)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_build_of_the_wanted_torch_is_taken_and_no_other() {
        for (version, wanted) in [
            ("__version__ = '2.11.0+cu130'", true),
            ("from x import y\n__version__ = '2.11.0'\ndebug = False", true),
            ("__version__ = '2.11.1'", false),
            ("__version__ = '2.1.0'", false),
            ("", false),
        ] {
            assert_eq!(is_wanted_torch(version), wanted, "{version}");
        }
    }
}
