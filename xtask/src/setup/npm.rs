use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{About, Fingerprint, Step, Work};
use crate::repository::Repository;

const ADVICE: &str = "look at the network, then run the command again: npm keeps finished downloads";

/// Packages of a folder's lock file, in its `node_modules`.
pub(super) struct NpmPackages {
    about: About,
    folder: &'static str,
    /// Some that must be there.
    packages: &'static [&'static str],
}

/// `edge/node_modules`: wrangler with workerd, esbuild, and a Node for machines whose own is too old.
pub(super) const EDGE_PACKAGES: NpmPackages = NpmPackages {
    about: About {
        name: "edge-packages",
        what: "wrangler and workerd, which run the edge, esbuild and binaryen, which make it small: 118 MB, 434 MB on disk",
        advice: ADVICE,
        recorded_secs: 30,
        ..About::NOTHING
    },
    folder: "edge",
    packages: &["wrangler", "workerd", "esbuild"],
};

/// `tests/console/node_modules`: a Chromium and what drives it.
pub(super) const CONSOLE_TESTS: NpmPackages = NpmPackages {
    about: About {
        name: "console-tests",
        what: "Chromium and Playwright, which look at the console: 75 MB to download",
        advice: ADVICE,
        recorded_secs: 20,
        ..About::NOTHING
    },
    folder: "tests/console",
    packages: &["@sparticuz/chromium", "playwright-core", "axe-core", "prettier"],
};

impl Step for NpmPackages {
    fn about(&self) -> About {
        self.about
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
