use std::{
    collections::BTreeMap,
    fs::{File, Metadata},
    io::Read,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use sha2::{Digest, Sha256};

/// What tells a file that was changed from one that was not.
///
/// Whoever writes into a file can set its modification time back, but not the time of its last change of status
/// («ctime» of inode(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of a file as it lies there now; `None` where none can be had.
    pub(crate) fn of_file(file: &Path) -> Option<Self> {
        std::fs::metadata(file).ok().map(|found| Self::of(&found))
    }

    fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    /// Whether a change from now on would have another stamp. Kernels count time in steps of up to 10 ms: what is written
    /// twice within one of them has one stamp.
    fn is_past_its_tick(&self, now: SystemTime) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let at = Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanoseconds).unwrap_or(0));
        now.duration_since(SystemTime::UNIX_EPOCH + at).is_ok_and(|ago| ago > TICKS)
    }
}

/// Longer than any step of a kernel's clock.
const TICKS: Duration = Duration::from_millis(100);
/// Files that are remembered; beyond it all are forgotten, and hashed once more.
const MOST_REMEMBERED: usize = 4096;

/// The hashes of files that were read: weights of gigabytes are loaded again each time that they made room for others.
static REMEMBERED: Mutex<BTreeMap<PathBuf, (Stamp, String)>> = Mutex::new(BTreeMap::new());

/// A file's SHA-256 in hex. A file that was not changed since it was read is not read again.
pub(crate) fn of_file(path: &Path) -> std::io::Result<String> {
    of_file_by(path, read)
}

fn of_file_by(path: &Path, read: impl FnOnce(File) -> std::io::Result<String>) -> std::io::Result<String> {
    let file = File::open(path)?;
    let before = Stamp::of(&file.metadata()?);
    if let Some((_, hash)) = remembered().get(path).filter(|(stamp, _)| *stamp == before) {
        return Ok(hash.clone());
    }
    let again = file.try_clone()?;
    let hash = read(file)?;
    if Stamp::of(&again.metadata()?) == before && before.is_past_its_tick(SystemTime::now()) {
        let mut remembered = remembered();
        if remembered.len() >= MOST_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(path.to_owned(), (before, hash.clone()));
    }
    Ok(hash)
}

/// The hash of a whole file, read a MiB at a time.
fn read(mut file: File) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(chunk.get(..read).unwrap_or_default());
    }
}

fn remembered() -> MutexGuard<'static, BTreeMap<PathBuf, (Stamp, String)>> {
    // Nothing panics under this lock.
    REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, io::Write as _};

    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_was_changed_and_not_before() {
        let path = std::env::temp_dir().join(format!("forebay-sha256-{}", std::process::id()));
        let reads = Cell::new(0);
        let hash = || {
            of_file_by(&path, |file| {
                reads.set(reads.get() + 1);
                read(file)
            })
            .unwrap()
        };
        // Until its tick is past it is read each time; a clock that stands still would end this by the test's time limit.
        let wait_a_tick = || while !Stamp::of_file(&path).unwrap().is_past_its_tick(SystemTime::now()) {};
        std::fs::write(&path, "abc").unwrap();
        wait_a_tick();
        let first = hash();
        assert_eq!((first.as_str(), reads.get()), (hex::encode(Sha256::digest("abc")).as_str(), 1));
        assert_eq!((hash(), reads.get()), (first, 1), "remembered");
        // The file is as long as before, and as old by its modification time.
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        let mut file = File::options().write(true).open(&path).unwrap();
        file.write_all(b"xyz").unwrap();
        file.set_modified(modified).unwrap();
        wait_a_tick();
        assert_eq!((hash(), reads.get()), (hex::encode(Sha256::digest("xyz")), 2));
        assert_eq!((hash(), reads.get()), (hex::encode(Sha256::digest("xyz")), 2));
        std::fs::write(&path, "new").unwrap();
        assert_eq!((hash(), reads.get()), (hex::encode(Sha256::digest("new")), 3));
        std::fs::remove_file(&path).unwrap();
        assert!(of_file(&path).is_err());
    }
}
