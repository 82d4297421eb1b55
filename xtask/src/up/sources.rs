//! Which saved file touches which part, and how a save is noticed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::repository::Repository;

/// What can be made anew while everything runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Target {
    Edge,
    Worker,
    /// Compiled here and given to the running edge.
    Catalog,
}

impl Target {
    pub(super) const ALL: [Self; 3] = [Self::Catalog, Self::Edge, Self::Worker];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Worker => "worker",
            Self::Catalog => "catalog",
        }
    }
}

/// What is made of which folder, or file. The console is not among them: `wrangler dev` reads it from the disk.
const MADE_OF: [(&str, &[Target]); 14] = [
    ("Cargo.toml", &[Target::Edge, Target::Worker]),
    ("Cargo.lock", &[Target::Edge, Target::Worker]),
    ("contract/Cargo.toml", &[Target::Edge, Target::Worker]),
    ("contract/src", &[Target::Edge, Target::Worker]),
    ("edge/Cargo.toml", &[Target::Edge]),
    ("edge/build.rs", &[Target::Edge]),
    ("edge/wrangler.jsonc", &[Target::Edge]),
    ("edge/src", &[Target::Edge]),
    ("backend/Cargo.toml", &[Target::Worker]),
    ("backend/build.rs", &[Target::Worker]),
    ("backend/src", &[Target::Worker]),
    // The worker has its lanes from here when it is built.
    ("catalog/lanes.toml", &[Target::Catalog, Target::Worker]),
    ("catalog", &[Target::Catalog]),
    // The worker reads its models' manifests when it starts.
    ("models", &[Target::Catalog, Target::Worker]),
];

/// What a file touches, by its path below the root of the checkout.
pub(super) fn touched_by(path: &Path) -> &'static [Target] {
    let rule = MADE_OF.iter().find(|(of, _)| path.starts_with(of));
    if path.starts_with("models") && path.file_name() != Some("model.toml".as_ref()) {
        return &[];
    }
    rule.map_or(&[], |(_, targets)| targets)
}

/// Every file that touches something, and when it was last written.
///
/// Looking at some four hundred files takes about a millisecond: less code and fewer dependencies than asking the kernel to
/// tell, which each system does in its own way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sources(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Sources {
    /// As they lie there now.
    pub(super) fn of(repository: &Repository) -> Self {
        let mut files = BTreeMap::new();
        for (of, _) in MADE_OF {
            collect(repository.root(), Path::new(of), &mut files);
        }
        Self(files)
    }

    /// What came, went or was written since.
    pub(super) fn changed_since(&self, before: &Self) -> BTreeSet<PathBuf> {
        let written = self.0.iter().filter(|(path, state)| before.0.get(*path) != Some(*state));
        let gone = before.0.iter().filter(|(path, _)| !self.0.contains_key(*path));
        written.chain(gone).map(|(path, _)| path.clone()).collect()
    }
}

/// What cannot be looked at is as if it were not there: it may just be written.
fn collect(root: &Path, path: &Path, files: &mut BTreeMap<PathBuf, (Option<SystemTime>, u64)>) {
    let Ok(metadata) = fs::metadata(root.join(path)) else { return };
    if metadata.is_dir() {
        let entries = fs::read_dir(root.join(path)).into_iter().flatten().flatten();
        for name in entries.map(|entry| entry.file_name()).filter(|name| is_source(&name.to_string_lossy())) {
            collect(root, &path.join(name), files);
        }
    } else if !touched_by(path).is_empty() {
        files.insert(path.to_path_buf(), (metadata.modified().ok(), metadata.len()));
    }
}

/// Whether it is a source, and not what editors put beside a file while it is open.
fn is_source(name: &str) -> bool {
    !name.starts_with(['.', '#']) && !name.ends_with(['~', '#']) && !name.ends_with(".tmp")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_saved_file_touches_what_is_made_of_it() {
        use Target::{Catalog, Edge, Worker};
        for (path, touched) in [
            ("edge/src/routes.rs", [Edge].as_slice()),
            ("edge/src/aws/sign.rs", &[Edge]),
            ("edge/wrangler.jsonc", &[Edge]),
            ("contract/src/job.rs", &[Edge, Worker]),
            ("backend/src/bin/worker.rs", &[Worker]),
            ("catalog/plans.toml", &[Catalog]),
            ("catalog/lanes.toml", &[Catalog, Worker]),
            ("models/dcgan-faces/1/model.toml", &[Catalog, Worker]),
            ("models/dcgan-faces/1/model.pt", &[]),
            ("models/README.md", &[]),
            ("edge/console/app.mjs", &[]),
            ("backend/tests/pipeline.rs", &[]),
            ("README.md", &[]),
        ] {
            assert_eq!(touched_by(Path::new(path)), touched, "{path}");
        }
    }

    #[test]
    fn a_file_that_comes_goes_or_is_written_is_noticed() {
        let state = |second, length| (Some(SystemTime::UNIX_EPOCH + Duration::from_secs(second)), length);
        let sources = |files: &[(&str, u64, u64)]| {
            Sources(files.iter().map(|(path, second, length)| (path.into(), state(*second, *length))).collect())
        };
        let before = sources(&[("a", 1, 5), ("b", 1, 5), ("c", 1, 5), ("d", 1, 5)]);
        let now = sources(&[("a", 1, 5), ("b", 2, 5), ("c", 1, 6), ("e", 1, 5)]);
        let changed = now.changed_since(&before);
        assert_eq!(changed, ["b", "c", "d", "e"].map(PathBuf::from).into());
        assert!(now.changed_since(&now).is_empty());
    }

    #[test]
    fn what_an_editor_leaves_beside_a_file_is_no_source() {
        for (name, source) in
            [("a.rs", true), (".a.rs.swp", false), ("a.rs~", false), ("#a.rs#", false), ("4913.tmp", false)]
        {
            assert_eq!(is_source(name), source, "{name}");
        }
    }

    #[test]
    fn everything_that_is_made_of_something_is_there() {
        let sources = Sources::of(&Repository::find().unwrap());
        for file in ["Cargo.lock", "contract/src/lib.rs", "edge/src/lib.rs", "backend/src/lib.rs", "catalog/plans.toml"]
        {
            assert!(sources.0.contains_key(Path::new(file)), "{file}");
        }
        assert!(!sources.0.keys().any(|path| path.starts_with("edge/console") || path.starts_with("target")));
    }
}
