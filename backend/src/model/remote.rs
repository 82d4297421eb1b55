use std::{path::Path, sync::Arc};

use super::{Manifest, ManifestError, Registry, Rest, S3Shelf, ScanError, Shelf, ShelfError, Sink, fetch::FetchLimits};

/// The longest `model.toml` that is fetched, in bytes.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

impl Registry {
    /// Every model of a folder, or of a shelf such as `s3://bucket/models`, whose files go into the folder `cache`.
    pub async fn scan_any(
        address: &Path,
        s3: impl FnOnce() -> aws_sdk_s3::Client,
        (cache, limits): (&Path, FetchLimits),
    ) -> Result<(Self, Vec<ManifestError>), ScanError> {
        match S3Shelf::at(&address.to_string_lossy(), s3) {
            Some(shelf) => Self::scan_shelf(Arc::new(shelf), cache, limits).await,
            None => Self::scan(address),
        }
    }

    /// Reads every `NAME/VERSION/model.toml` of a shelf into the folder `cache`; the other files are fetched when their
    /// model is first used. A manifest that is wrong, or names no SHA-256 of its weights, costs its own model only.
    pub async fn scan_shelf(
        shelf: Arc<dyn Shelf>,
        cache: &Path,
        limits: FetchLimits,
    ) -> Result<(Self, Vec<ManifestError>), ScanError> {
        let paths = shelf.manifests().await.map_err(|error| ScanError::new(shelf.name(), error.to_string()))?;
        let (mut registry, mut complaints) = (Self::default(), Vec::new());
        for path in paths {
            let file = format!("{}{path}", shelf.name());
            let complain = |what: String| ManifestError { file: file.clone(), what };
            let read = read(&shelf, &path, cache).await.map_err(|error| complain(error.to_string()));
            match read.and_then(|text| parse(&path, &text, cache).map_err(complain)) {
                Ok(manifest) => registry.insert_remote(manifest, Arc::clone(&shelf), limits),
                Err(complaint) => complaints.push(complaint),
            }
        }
        Ok((registry, complaints))
    }
}

fn parse(path: &str, text: &str, cache: &Path) -> Result<Manifest, String> {
    let manifest = Manifest::parse(&cache.join(path), text).map_err(|error| error.what)?;
    if format!("{}/{}/model.toml", manifest.spec.name, manifest.spec.version) != path {
        return Err(format!("model.name, model.version: found {}; allowed are the names in the path", manifest.id()));
    }
    if manifest.weights_sha256.is_none() {
        return Err("weights.sha256: missing; what is fetched must be checked".to_owned());
    }
    Ok(manifest)
}

async fn read(shelf: &Arc<dyn Shelf>, path: &str, cache: &Path) -> Result<String, ShelfError> {
    // A name from elsewhere must not lead out of the cache.
    if path.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.contains('\\')) {
        return Err(ShelfError::Refused("the path holds names that are not allowed".to_owned()));
    }
    let refused = |error: std::io::Error| ShelfError::Refused(error.to_string());
    let file = cache.join(path);
    let folder = file.parent().unwrap_or(cache);
    tokio::fs::create_dir_all(folder).await.map_err(refused)?;
    // The name is this process's alone: others may read the same at the same time.
    let part = file.with_extension(format!("toml.{}", std::process::id()));
    let rest = Rest { from: 0, max_bytes: MAX_MANIFEST_BYTES };
    let mut sink = Sink::new(tokio::fs::File::create(&part).await.map_err(refused)?, rest);
    let copied = shelf.copy(path, rest, &mut sink).await;
    sink.finish().await?;
    let text = match copied {
        Ok(()) => tokio::fs::read_to_string(&part).await.map_err(refused),
        Err(error) => Err(error),
    };
    let _ = tokio::fs::remove_file(&part).await;
    text
}
