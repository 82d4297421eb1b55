use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{OnceCell, Semaphore},
    time::Instant,
};

use super::{AGAIN_AFTER, FetchLimits, Manifest, ManifestError, Model, ModelError, Shelf, fetch};

/// The folder of models cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[error("models-dir: found {folder}: {what}; allowed is a folder of NAME/VERSION/model.toml, or s3://BUCKET/PREFIX")]
pub struct ScanError {
    folder: String,
    what: String,
}

impl ScanError {
    pub(super) fn new(folder: String, what: String) -> Self {
        Self { folder, what }
    }
}

/// The most jobs that wait for one model's files: they hold their messages, which other workers could run.
const MOST_WAITING: usize = 64;

/// Every model of a folder; each is opened on its first use.
#[derive(Default)]
pub struct Registry {
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    manifest: Manifest,
    /// Where the files come from that are not there yet.
    shelf: Option<(Arc<dyn Shelf>, FetchLimits)>,
    model: OnceCell<Arc<Model>>,
    /// Who may wait for it to be opened.
    waiting: Semaphore,
    /// When it could not be opened, and why.
    failed: Mutex<Option<(Instant, ModelError)>>,
}

impl Entry {
    fn new(manifest: Manifest, shelf: Option<(Arc<dyn Shelf>, FetchLimits)>) -> Self {
        let waiting = Semaphore::new(MOST_WAITING);
        Self { manifest, shelf, model: OnceCell::new(), waiting, failed: Mutex::default() }
    }

    /// Tries, unless it was tried just now: all who wait for one model try one after the other.
    async fn try_open(&self) -> Result<Arc<Model>, ModelError> {
        if let Some((_, error)) = self.failed().as_ref().filter(|(at, _)| at.elapsed() < AGAIN_AFTER) {
            return Err(error.clone().again());
        }
        let opened = self.open().await;
        *self.failed() = opened.as_ref().err().map(|error| (Instant::now(), error.clone()));
        opened
    }

    async fn open(&self) -> Result<Arc<Model>, ModelError> {
        if let Some((shelf, limits)) = &self.shelf {
            fetch::files(shelf, &self.manifest, *limits).await?;
        }
        let manifest = self.manifest.clone();
        // Reading a tokenizer takes long enough to hold up other tasks.
        let opened = tokio::task::spawn_blocking(move || Model::open(manifest)).await;
        opened.map_err(|error| ModelError::new(error.to_string()))?.map(Arc::new)
    }

    fn failed(&self) -> MutexGuard<'_, Option<(Instant, ModelError)>> {
        // Nothing panics under this lock.
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// Reads `folder/NAME/VERSION/model.toml`. A manifest that is wrong costs its own model only and is returned
    /// beside the registry.
    pub fn scan(folder: &Path) -> Result<(Self, Vec<ManifestError>), ScanError> {
        let fail = |what: String| ScanError { folder: folder.display().to_string(), what };
        let mut complaints = Vec::new();
        let mut registry = Self::default();
        for version in
            folders(folder).map_err(|error| fail(error.to_string()))?.iter().flat_map(|name| folders(name)).flatten()
        {
            let file = version.join("model.toml");
            match read(&file, &version) {
                Ok(Some(manifest)) => registry.insert(manifest),
                Ok(None) => {}
                Err(complaint) => complaints.push(complaint),
            }
        }
        Ok((registry, complaints))
    }

    /// Adds a model, which is opened when it is first used.
    pub fn insert(&mut self, manifest: Manifest) {
        self.entries.insert(manifest.id(), Entry::new(manifest, None));
    }

    /// Adds a model whose files are fetched on its first use.
    pub(super) fn insert_remote(&mut self, manifest: Manifest, shelf: Arc<dyn Shelf>, limits: FetchLimits) {
        self.entries.insert(manifest.id(), Entry::new(manifest, Some((shelf, limits))));
    }

    /// What is known, by `name@version`.
    pub fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.entries.values().map(|entry| &entry.manifest)
    }

    /// The model `id`, if it is open.
    pub fn opened(&self, id: &str) -> Option<Arc<Model>> {
        self.entries.get(id)?.model.get().cloned()
    }

    /// Whether the files of the model `id` come from elsewhere, which may take minutes.
    pub fn is_fetched(&self, id: &str) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.shelf.is_some())
    }

    /// The model `id`, opened if it was not; `None` where there is no such model. What fails is tried again half a minute
    /// later at the earliest. So many may wait for its files at once; the next ones hear that it is awaited.
    pub async fn open(&self, id: &str) -> Option<Result<Arc<Model>, ModelError>> {
        let entry = self.entries.get(id)?;
        if let Some(model) = entry.model.get() {
            return Some(Ok(Arc::clone(model)));
        }
        let waiting = entry.shelf.is_some().then(|| entry.waiting.try_acquire());
        let Ok(_waiting) = waiting.transpose() else { return Some(Err(ModelError::awaited(id))) };
        Some(entry.model.get_or_try_init(|| entry.try_open()).await.cloned())
    }
}

/// The folders in `folder`, in order; hidden ones are not looked at.
fn folders(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read(file: &Path, version: &Path) -> Result<Option<Manifest>, ManifestError> {
    let complain = |what: String| ManifestError { file: file.display().to_string(), what };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(complain(error.to_string())),
    };
    let manifest = Manifest::parse(file, &text)?;
    // Weights never change under a version, and operators find them by path.
    if !version.ends_with(Path::new(&manifest.spec.name).join(&manifest.spec.version)) {
        let found = manifest.id();
        return Err(complain(format!(
            "model.name, model.version: found {found}; allowed are the names of the folders"
        )));
    }
    Ok(Some(manifest))
}
