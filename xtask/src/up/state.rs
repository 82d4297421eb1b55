use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::arguments::UpArguments;
use crate::repository::Repository;

/// `.run/up/NAME`: the state and the logs of one run. Held by a lock until this process ends.
#[derive(Debug)]
pub(super) struct State {
    folder: PathBuf,
    _lock: File,
}

impl State {
    /// Takes the folder and empties it: LocalStack forgets everything when it ends, so an edge that remembered jobs
    /// would point at results that are gone.
    pub(super) fn open(repository: &Repository, arguments: &UpArguments) -> Result<Self> {
        let folder = repository.run("up").join(&arguments.name);
        fs::create_dir_all(&folder)?;
        let lock = take_lock(&folder, &arguments.beside())?;
        for inner in ["edge", "localstack", "logs"] {
            let inner = folder.join(inner);
            if inner.exists() {
                fs::remove_dir_all(&inner).with_context(|| inner.display().to_string())?;
            }
            fs::create_dir_all(&inner)?;
        }
        Ok(Self { folder, _lock: lock })
    }

    /// Where a part keeps its files.
    pub(super) fn part(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where a part's log goes.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }

    /// The file of the operator's token.
    pub(super) fn admin_token(&self) -> PathBuf {
        self.folder.join("admin-token")
    }

    /// Keeps the operator's token where its owner alone can read it.
    pub(super) fn keep_admin_token(&self, token: &str) -> Result<()> {
        let path = self.admin_token();
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&path)?;
        writeln!(file, "{token}").with_context(|| path.display().to_string())
    }
}

fn take_lock(folder: &Path, beside: &str) -> Result<File> {
    let path = folder.join("lock");
    let mut lock = OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            lock.read_to_string(&mut holder)?;
            bail!(
                "`cargo xtask up` runs here already (process {}); a second one beside it needs a name and ports of its \
                 own: {beside}",
                holder.trim()
            );
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(|| path.display().to_string()),
    }
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_of_the_same_name_is_refused_plainly() {
        let folder = std::env::temp_dir().join(format!("forebay-lock-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let held = take_lock(&folder, "up --name x-2").unwrap();
        let refusal = take_lock(&folder, "up --name x-2").unwrap_err().to_string();
        assert!(refusal.contains(&std::process::id().to_string()) && refusal.contains("up --name x-2"), "{refusal}");
        drop(held);
        take_lock(&folder, "").unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
