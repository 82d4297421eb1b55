use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// A hash of what something is made from: the same fingerprint, the same outcome.
#[derive(Debug, Clone, Default)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// A fingerprint of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Together with a text, such as a version or an option.
    pub fn text(self, label: &str, text: &str) -> Self {
        self.part(label).part(text)
    }

    /// Together with a file's content; a file that is not there counts as such.
    pub fn file(self, path: &Path) -> Result<Self> {
        let this = self.part(&path.to_string_lossy());
        match fs::read(path) {
            Ok(bytes) => Ok(this.bytes(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(this.part("absent")),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    /// Together with every file below a folder whose name `wanted` picks.
    pub fn tree(mut self, folder: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Self> {
        let mut files = Vec::new();
        collect(folder, &mut files)?;
        files.sort();
        for file in files.iter().filter(|file| wanted(file)) {
            self = self.file(file)?;
        }
        Ok(self)
    }

    /// The hash in hex.
    pub fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }

    fn part(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Each part is preceded by its length, so that two parts never read as one.
    fn bytes(self, bytes: &[u8]) -> Self {
        Self(self.0.chain_update((bytes.len() as u64).to_be_bytes()).chain_update(bytes))
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| folder.display().to_string()),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let one = Fingerprint::new().text("a", "bc").finish();
        let other = Fingerprint::new().text("ab", "c").finish();
        assert_ne!(one, other);
        assert_eq!(one, Fingerprint::new().text("a", "bc").finish());
    }

    #[test]
    fn a_changed_added_or_removed_file_changes_the_fingerprint() {
        let folder = std::env::temp_dir().join(format!("forebay-fingerprint-{}", std::process::id()));
        fs::create_dir_all(folder.join("inner")).unwrap();
        let hash = || Fingerprint::new().tree(&folder, |_| true).unwrap().finish();
        let empty = hash();
        fs::write(folder.join("inner/one"), "1").unwrap();
        let one = hash();
        fs::write(folder.join("inner/one"), "2").unwrap();
        let changed = hash();
        fs::remove_file(folder.join("inner/one")).unwrap();
        assert_eq!(hash(), empty);
        assert!(empty != one && one != changed && changed != empty);
        fs::remove_dir_all(&folder).unwrap();
    }
}
