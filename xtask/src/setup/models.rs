use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::{About, Fingerprint, Step, Work, exporter::exporter};
use crate::repository::Repository;

/// `models/NAME/VERSION/model.pt`: the demonstration models, exported to TorchScript.
pub(super) struct Models;

/// What the exporter knows how to make; other folders of `models/` are the user's own.
const SHIPPED: [&str; 3] = ["efficientnet-lite0/1", "all-minilm-l6-v2/1", "dcgan-faces/1"];

impl Step for Models {
    fn about(&self) -> About {
        About {
            name: "models",
            what: "exporting the demonstration models to TorchScript (nothing to download)",
            advice: "remove .tools/python and run the command again; models/README.md says how exporting works",
            after: &["exporter-python"],
            recorded_secs: 40,
            ..About::NOTHING
        }
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        let is_source = |path: &Path| path.extension().is_some_and(|kind| kind == "py");
        let mut made_from = Fingerprint::new().tree(&repository.path("models"), is_source)?;
        made_from = made_from.file(&repository.path("models/requirements.txt"))?;
        for folder in SHIPPED {
            made_from = made_from.file(&repository.path("models").join(folder).join("model.toml"))?;
        }
        Ok(made_from)
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        SHIPPED.iter().map(|folder| repository.path("models").join(folder).join("model.pt")).collect()
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        // It compares what is there with the hashes in each model.toml, and leaves alone what is right.
        let script = work.repository.path("models/export.py");
        work.program(Command::new(exporter(work.repository)).arg(script))
    }
}
