//! Where a batch writes down what is done, when nobody says where: a file that is there until all is done.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::naming;

/// Where a batch writes down what is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JournalFile {
    /// What is interrupted is not gone on with.
    Nowhere,
    /// The journal is a file of the caller's, and stays.
    Always(PathBuf),
    /// The journal is a file of our own, which is of no use any more once all is done.
    UntilDone(PathBuf),
}

/// After this long without a line a file is of no use any more: the service has forgotten jobs as old.
const FORGOTTEN: Duration = Duration::from_secs(30 * 86_400);

impl JournalFile {
    /// The file, if there is one.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Nowhere => None,
            Self::Always(path) | Self::UntilDone(path) => Some(path),
        }
    }

    /// Whether the file is our own.
    pub(super) fn is_until_done(&self) -> bool {
        matches!(self, Self::UntilDone(_))
    }

    /// In the folder `state`, in a file that the same caller's same command finds again; what nobody went on with is
    /// removed. Its name is a digest, so that it gives nothing away.
    pub(crate) fn until_done(state: &Path, request: &str, whose: &[String], inputs: &[String]) -> io::Result<Self> {
        let folder = state.join("submissions");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        sweep(&folder, SystemTime::now());
        let list = |parts: &[String]| naming::request(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        let name = naming::request(&[request, &list(whose), &list(inputs)]);
        let path = folder.join(format!("{}.journal", name.get(..32).unwrap_or(&name)));
        // Where no file can be written, that is to be known before anything is submitted.
        OpenOptions::new().create(true).append(true).open(&path)?;
        Ok(Self::UntilDone(path))
    }
}

/// What cannot be removed now, or is removed by another forebay meanwhile, hinders nobody.
fn sweep(folder: &Path, now: SystemTime) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified()).unwrap_or(now);
        if now.duration_since(modified).unwrap_or_default() > FORGOTTEN {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::scratch::Scratch;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn another_caller_request_or_folder_has_another_file() {
        let scratch = Scratch::new();
        let kept = |request: &str, whose: &[&str], inputs: &[&str]| {
            JournalFile::until_done(scratch.path(), request, &texts(whose), &texts(inputs)).unwrap()
        };
        let first = kept("r", &["https://a", "fb_key"], &["photos"]);
        assert_eq!(kept("r", &["https://a", "fb_key"], &["photos"]), first);
        for other in [
            kept("s", &["https://a", "fb_key"], &["photos"]),
            kept("r", &["https://b", "fb_key"], &["photos"]),
            kept("r", &["https://a", "fb_other"], &["photos"]),
            kept("r", &["https://a", "fb_key"], &["pictures"]),
            kept("r", &["https://a"], &["fb_key", "photos"]),
        ] {
            assert_ne!(other, first);
        }
        assert!(!format!("{first:?}").contains("fb_key"));
    }

    #[test]
    fn what_nobody_went_on_with_for_a_month_is_gone() {
        let scratch = Scratch::new();
        for (name, days) in [("old", 31), ("new", 29)] {
            let file = File::create(scratch.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(days * 86_400)).unwrap();
        }
        sweep(scratch.path(), SystemTime::now());
        assert!(!scratch.path().join("old").exists() && scratch.path().join("new").exists());
    }
}
