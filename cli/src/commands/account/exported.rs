//! How far an export is: a small file beside it, replaced whole after each page.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{failure::Failure, inputs::shown::shown, sink};

const NAME: &str = ".forebay-export";

/// What is there already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Exported {
    /// Whose it is: a folder holds one account.
    pub(super) account: String,
    /// Where the next page begins; `None` at the beginning.
    pub(super) cursor: Option<String>,
    /// Bytes of `jobs.jsonl` that are whole pages; what is behind them was cut off.
    pub(super) bytes: u64,
    /// How many jobs these are.
    pub(super) jobs: u64,
    /// How many results were written.
    pub(super) results: u64,
}

impl Exported {
    /// What an interrupted export of `account` left in `folder`; a beginning where there is none.
    pub(super) fn read(folder: &Path, account: &str) -> Result<Self, Failure> {
        let path = folder.join(NAME);
        let anew = || Self { account: account.to_owned(), ..Self::default() };
        let found: Self = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|_| anew()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => anew(),
            Err(error) => return Err(Failure::File(format!("{} cannot be read: {error}", shown(&path)))),
        };
        if found.account == account {
            return Ok(found);
        }
        let advice = format!("{} has an unfinished export of {}: choose another folder", shown(folder), found.account);
        Err(Failure::Usage(advice))
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), Failure> {
        // Numbers and texts always have a JSON form.
        sink::write(&folder.join(NAME), &serde_json::to_vec(self).unwrap_or_default())
    }

    /// It is whole: the next begins anew.
    pub(super) fn done(folder: &Path) -> Result<(), Failure> {
        let path = folder.join(NAME);
        fs::remove_file(&path).map_err(|error| Failure::File(format!("{} cannot be removed: {error}", shown(&path))))
    }
}

/// The lines of jobs.
pub(super) struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    /// Opened behind the whole pages.
    pub(super) fn open(folder: &Path, bytes: u64) -> Result<Self, Failure> {
        let path = folder.join("jobs.jsonl");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path).and_then(|mut file| {
            file.set_len(bytes)?;
            file.seek(SeekFrom::End(0)).map(|_| file)
        });
        let file = opened.map_err(|error| Failure::File(format!("{} cannot be written: {error}", shown(&path))))?;
        Ok(Self { path, file })
    }

    /// Adds a page, and says how long the file is then.
    pub(super) fn add(&mut self, page: &str) -> Result<u64, Failure> {
        let Self { path, file } = self;
        let written = file.write_all(page.as_bytes()).and_then(|()| file.sync_data()).and_then(|()| file.metadata());
        let length = written.map(|metadata| metadata.len());
        length.map_err(|error| Failure::File(format!("{} cannot be written: {error}", shown(path))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn an_interrupted_export_goes_on_behind_its_last_whole_page() {
        let scratch = Scratch::new();
        let folder = scratch.path();
        let mut exported = Exported::read(folder, "acme").unwrap();
        assert_eq!(exported, Exported { account: "acme".to_owned(), ..Exported::default() });
        let mut lines = Lines::open(folder, 0).unwrap();
        exported.bytes = lines.add("one\n").unwrap();
        exported.cursor = Some("c1".to_owned());
        exported.write(folder).unwrap();
        lines.add("cut o").unwrap();
        let again = Exported::read(folder, "acme").unwrap();
        assert_eq!(again, exported);
        assert_eq!(Lines::open(folder, again.bytes).unwrap().add("two\n").unwrap(), 8);
        assert_eq!(fs::read_to_string(folder.join("jobs.jsonl")).unwrap(), "one\ntwo\n");
        assert!(Exported::read(folder, "other").is_err(), "a folder holds one account");
        Exported::done(folder).unwrap();
        assert!(Exported::read(folder, "other").is_ok());
    }
}
