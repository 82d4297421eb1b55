use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{Fingerprint, Step, Work};
use crate::repository::Repository;

/// `edge/node_modules`: wrangler with workerd, esbuild, and a Node for machines whose own is too old.
pub(super) struct EdgePackages;

impl Step for EdgePackages {
    fn name(&self) -> &'static str {
        "edge-packages"
    }

    fn what(&self) -> String {
        "wrangler, workerd and esbuild, which run the edge: 95 MB to download, 330 MB on disk".to_owned()
    }

    fn advice(&self) -> &'static str {
        "look at the network, then run the command again: npm keeps finished downloads"
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        Fingerprint::new().file(&repository.path("edge/package.json"))?.file(&repository.path("edge/package-lock.json"))
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        ["wrangler", "workerd", "esbuild"]
            .iter()
            .map(|package| repository.path("edge/node_modules").join(package).join("package.json"))
            .collect()
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let mut npm = Command::new("npm");
        // The lock file holds the hash of every package.
        npm.args(["ci", "--no-audit", "--no-fund", "--no-update-notifier", "--fetch-retries", "5"]);
        work.run.program(npm.current_dir(work.repository.path("edge")))
    }
}
