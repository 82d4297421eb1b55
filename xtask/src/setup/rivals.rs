use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::{
    About, Fingerprint, Step, Work,
    exporter::{exporter, torch_dir},
    python,
};
use crate::repository::Repository;

const REQUIREMENTS: &str = "xtask/rivals/requirements.txt";

/// `.tools/rivals`: the model servers that the worker is measured beside.
pub(super) struct RivalsPython;

impl Step for RivalsPython {
    fn about(&self) -> About {
        About {
            name: "rivals",
            what: "mosec, LitServe and BentoML, to be measured beside: 60 MB to download, 220 MB on disk",
            advice: python::ADVICE,
            after: &["exporter-python"],
            recorded_secs: 40,
            ..About::NOTHING
        }
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        python::made_from(repository, REQUIREMENTS)
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        vec![repository.tool("rivals/bin/python")]
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let exporter = exporter(work.repository);
        let torch = torch_dir(&exporter).context("the exporter's Python has no torch")?;
        let folder = work.repository.tool("rivals");
        python::Environment {
            folder: folder.clone(),
            python: exporter,
            sees_system: false,
            requirements: &[REQUIREMENTS],
        }
        .make(work)?;
        // The same torch as the worker's, found behind the environment's own packages.
        let packages = torch.parent().context("torch lies nowhere")?;
        let versions = folder.join("lib").read_dir()?.next().context("the environment has no lib")??;
        let pointer = versions.path().join("site-packages/exporter.pth");
        std::fs::write(&pointer, format!("{}\n", packages.display())).with_context(|| pointer.display().to_string())
    }
}
