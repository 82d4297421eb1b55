//! Models that lie elsewhere than in a folder: each file is fetched when its model is first used.

use async_trait::async_trait;
use tokio::{fs::File, io::AsyncWriteExt as _};

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// There is no such file, or it is larger than allowed: trying again is of no use.
    #[error("{0}")]
    Refused(String),
    /// The shelf could not be reached or broke off: what came so far is kept, try again.
    #[error("{0}")]
    Unavailable(String),
}

/// Which part of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// So many bytes are there already.
    pub from: u64,
    /// The whole file may have no more.
    pub max_bytes: u64,
}

/// Files by their path below the shelf's root, `NAME/VERSION/FILE`.
#[async_trait]
pub trait Shelf: Send + Sync {
    /// The shelf's name, for logs and complaints, such as `s3://bucket/models`.
    fn name(&self) -> String;

    /// The path of every `NAME/VERSION/model.toml`.
    async fn manifests(&self) -> Result<Vec<String>, ShelfError>;

    /// Appends the rest of `path` to `into`, as it comes.
    async fn copy(&self, path: &str, rest: Rest, into: &mut Sink) -> Result<(), ShelfError>;
}

/// A file that is being fetched, which never grows beyond its bound.
pub struct Sink {
    file: File,
    bytes: u64,
    max_bytes: u64,
}

impl Sink {
    pub(super) fn new(file: File, rest: Rest) -> Self {
        Self { file, bytes: rest.from, max_bytes: rest.max_bytes }
    }

    /// Writes the next piece behind those that are there.
    pub async fn append(&mut self, piece: &[u8]) -> Result<(), ShelfError> {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.bytes > self.max_bytes {
            return Err(ShelfError::Refused(format!("larger than {} bytes", self.max_bytes)));
        }
        self.file.write_all(piece).await.map_err(|error| ShelfError::Refused(error.to_string()))
    }

    /// Everything is on disk.
    pub(super) async fn finish(mut self) -> Result<(), ShelfError> {
        let flushed = async {
            self.file.flush().await?;
            self.file.sync_all().await
        };
        flushed.await.map_err(|error| ShelfError::Refused(error.to_string()))
    }
}
