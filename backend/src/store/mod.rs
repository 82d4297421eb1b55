//! The bucket as the worker sees it: objects that are written once.

mod memory;
mod multipart;
mod s3;

use async_trait::async_trait;
use bytes::Bytes;

pub use memory::MemoryStore;
pub use s3::S3Store;

/// What became of a conditional put. Either way the object is there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// This call wrote it.
    Created,
    /// Someone wrote it before; what lies there is unchanged.
    AlreadyThere,
}

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its length.
    pub bytes: u64,
    /// Its `Content-Type`.
    pub media_type: String,
}

/// Why an object could not be had.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object; trying again is of no use.
    #[error("no such object")]
    Missing,
    /// The object is larger than the caller takes; nothing beyond the bound was read.
    #[error("object larger than {max_bytes} bytes")]
    TooLarge {
        /// The bound.
        max_bytes: u64,
    },
    /// The store does not let this worker: try again when somebody may have changed that.
    #[error("store refuses: {0}")]
    Refused(String),
    /// The store could not be reached or is not well: try again.
    #[error("store: {0}")]
    Unavailable(String),
}

/// Objects by key, written once.
#[async_trait]
pub trait Store: Send + Sync {
    /// Writes the object unless it is there. Of several writers at once exactly one is told [`Put::Created`].
    async fn put_if_absent(&self, key: &str, body: Bytes, media_type: &str) -> Result<Put, StoreError>;

    /// Reads an object of at most `max_bytes`.
    async fn get(&self, key: &str, max_bytes: u64) -> Result<Bytes, StoreError>;

    /// Looks whether the object is there.
    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError>;
}
