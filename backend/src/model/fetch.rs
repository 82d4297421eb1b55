//! From a shelf into the cache folder: whole or not at all, and what broke off goes on where it was.

use std::{
    fs::TryLockError,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    fs::{self, OpenOptions},
    time::{sleep, timeout},
};
use tracing::{info, warn};

use super::{Manifest, ModelError, Rest, Shelf, ShelfError, Sink, Task, sha256};
use crate::retry::Backoff;

/// The largest file beside the weights: a tokenizer, labels.
const MAX_SMALL_BYTES: u64 = 64 << 20;
/// How often it is looked whether another worker has finished fetching the same file.
const ROUND: Duration = Duration::from_millis(200);

/// What a model's files may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// All files of one model together, tries included.
    pub timeout: Duration,
    /// The largest file of weights.
    pub max_bytes: u64,
}

/// Puts the model's files into its folder. Weights that lie there are taken when their SHA-256 is right; other files
/// have none, and are fetched anew.
pub(super) async fn files(shelf: &Arc<dyn Shelf>, manifest: &Manifest, limits: FetchLimits) -> Result<(), ModelError> {
    let about = |what: String| format!("{} from {}: {what}", manifest.id(), shelf.name());
    let fetched = timeout(limits.timeout, fetch(shelf, manifest, limits)).await;
    match fetched {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(ModelError::new(about(error.to_string()))),
        // A shelf that is away is asked until then, and what came so far is kept.
        Err(_) => Err(ModelError::too_slow(about(format!("not fetched within {} s", limits.timeout.as_secs())))),
    }
}

async fn fetch(shelf: &Arc<dyn Shelf>, manifest: &Manifest, limits: FetchLimits) -> Result<(), ShelfError> {
    fs::create_dir_all(&manifest.folder).await.map_err(refused)?;
    let tokenizer = match &manifest.task {
        Task::TextEmbed(text) | Task::TextGenerate(text, _) => Some(manifest.folder.join(&text.tokenizer)),
        _ => None,
    };
    for file in [tokenizer, manifest.labels.clone()].into_iter().flatten() {
        one(shelf, manifest, Wanted { file, sha256: None, max_bytes: MAX_SMALL_BYTES }).await?;
    }
    let (file, sha256) = (manifest.weights.clone(), manifest.weights_sha256.clone());
    one(shelf, manifest, Wanted { file, sha256, max_bytes: limits.max_bytes }).await
}

struct Wanted {
    file: PathBuf,
    sha256: Option<String>,
    max_bytes: u64,
}

async fn one(shelf: &Arc<dyn Shelf>, manifest: &Manifest, wanted: Wanted) -> Result<(), ShelfError> {
    let name = wanted.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let path = format!("{}/{}/{name}", manifest.spec.name, manifest.spec.version);
    let part = wanted.file.with_file_name(format!("{name}.part"));
    let mut backoff = Backoff::default();
    loop {
        if wanted.sha256.is_some() && is_right(&wanted).await {
            return Ok(());
        }
        match attempt(shelf, &path, &part, &wanted).await {
            Ok(true) => {
                info!(path, shelf = shelf.name(), "fetched");
                return Ok(());
            }
            // Another worker of this machine fetches it.
            Ok(false) => sleep(ROUND).await,
            Err(ShelfError::Unavailable(error)) => {
                let wait = backoff.next();
                warn!(path, shelf = shelf.name(), error, wait_ms = wait.as_millis(), "the shelf is away, trying again");
                sleep(wait).await;
            }
            Err(error) => {
                // Whatever came is of no use.
                let _ = fs::remove_file(&part).await;
                return Err(error);
            }
        }
    }
}

/// Whether the file is whole now; `false` when another process has it in hand.
async fn attempt(shelf: &Arc<dyn Shelf>, path: &str, part: &Path, wanted: &Wanted) -> Result<bool, ShelfError> {
    let file = OpenOptions::new().create(true).append(true).open(part).await.map_err(refused)?.into_std().await;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(refused(error)),
    }
    // What has no checksum is not continued: it may have become another.
    if wanted.sha256.is_none() {
        file.set_len(0).map_err(refused)?;
    }
    let from = file.metadata().map_err(refused)?.len();
    let rest = Rest { from, max_bytes: wanted.max_bytes };
    let mut sink = Sink::new(fs::File::from_std(file.try_clone().map_err(refused)?), rest);
    let copied = shelf.copy(path, rest, &mut sink).await;
    sink.finish().await?;
    copied?;
    if let Some(expected) = &wanted.sha256 {
        let found = hash(part.to_owned()).await.map_err(refused)?;
        if found != *expected {
            return Err(ShelfError::Refused(format!("{path}: found sha256 {found}; model.toml allows {expected}")));
        }
    }
    // Whole, and there at once for whoever looks.
    fs::rename(part, &wanted.file).await.map_err(refused)?;
    Ok(true)
}

async fn is_right(wanted: &Wanted) -> bool {
    hash(wanted.file.clone()).await.is_ok_and(|found| wanted.sha256.as_ref() == Some(&found))
}

async fn hash(file: PathBuf) -> std::io::Result<String> {
    // Hashing gigabytes holds up whoever shares the thread.
    tokio::task::spawn_blocking(move || sha256::of_file(&file)).await.map_err(std::io::Error::other)?
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: std::io::Error) -> ShelfError {
    ShelfError::Refused(error.to_string())
}
