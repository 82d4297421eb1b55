use std::{collections::BTreeSet, process::Command};

use anyhow::{Context as _, Result};

use super::broken::{self, Broken};
use crate::{console::Console, process::answer, repository::Repository};

/// What the working tree's changes can have broken; says why. `None` where nothing changed.
pub(super) fn broken(repository: &Repository, console: Console) -> Result<Option<Broken>> {
    let paths = paths(repository)?;
    console.heading("Changed since HEAD");
    let mut all: Option<Broken> = None;
    for path in &paths {
        let broken = broken::by(path);
        console.line(format!("{path:<50} {broken}"));
        all = Some(all.unwrap_or_default().and(broken));
    }
    match &all {
        Some(broken) => console.line(format!("{:<50} {broken}", "together")),
        None => console.line("nothing"),
    }
    Ok(all)
}

/// What differs from HEAD, and files that git does not know yet; both names of what was renamed.
fn paths(repository: &Repository) -> Result<BTreeSet<String>> {
    let mut paths = BTreeSet::new();
    for arguments in [
        ["diff", "--name-only", "--no-renames", "-z", "HEAD"],
        ["ls-files", "--others", "--exclude-standard", "--full-name", "-z"],
    ] {
        let listing = answer(Command::new("git").args(arguments).current_dir(repository.root()))
            .context("git does not say what changed: is this a clone with a commit?")?;
        paths.extend(listing.split('\0').filter(|path| !path.is_empty()).map(str::to_owned));
    }
    Ok(paths)
}
