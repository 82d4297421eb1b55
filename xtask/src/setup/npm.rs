use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{Fingerprint, Step, Work};
use crate::repository::Repository;

/// Packages of a folder's lock file, in its `node_modules`.
pub(super) struct NpmPackages {
    name: &'static str,
    what: &'static str,
    folder: &'static str,
    /// Some that must be there.
    packages: &'static [&'static str],
    /// How many seconds it took in a cold run.
    recorded_secs: u64,
}

/// `edge/node_modules`: wrangler with workerd, esbuild, and a Node for machines whose own is too old.
pub(super) const EDGE_PACKAGES: NpmPackages = NpmPackages {
    name: "edge-packages",
    what: "wrangler and workerd, which run the edge, esbuild and binaryen, which make it small: 118 MB, 434 MB on disk",
    folder: "edge",
    packages: &["wrangler", "workerd", "esbuild"],
    recorded_secs: 30,
};

/// `tests/console/node_modules`: a Chromium and what drives it.
pub(super) const CONSOLE_TESTS: NpmPackages = NpmPackages {
    name: "console-tests",
    what: "Chromium and Playwright, which look at the console: 75 MB to download",
    folder: "tests/console",
    packages: &["@sparticuz/chromium", "playwright-core", "axe-core", "prettier"],
    recorded_secs: 20,
};

impl Step for NpmPackages {
    fn name(&self) -> &'static str {
        self.name
    }

    fn what(&self) -> String {
        self.what.to_owned()
    }

    fn advice(&self) -> &'static str {
        "look at the network, then run the command again: npm keeps finished downloads"
    }

    fn recorded_secs(&self) -> u64 {
        self.recorded_secs
    }

    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        let folder = repository.path(self.folder);
        Fingerprint::new().file(&folder.join("package.json"))?.file(&folder.join("package-lock.json"))
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        let folder = repository.path(self.folder).join("node_modules");
        self.packages.iter().map(|package| folder.join(package).join("package.json")).collect()
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        let mut npm = Command::new("npm");
        // The lock file holds the hash of every package.
        npm.args(["ci", "--no-audit", "--no-fund", "--no-update-notifier", "--fetch-retries", "5"]);
        work.run.program(npm.current_dir(work.repository.path(self.folder)))
    }
}
