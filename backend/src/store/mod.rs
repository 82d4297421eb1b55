//! The bucket as the worker sees it: results and failures are written once.

mod memory;
mod multipart;
mod s3;

use async_trait::async_trait;
use bytes::Bytes;
use forebay_contract::{EventKind, JobFailure, JobId, Made, RENEW_AFTER_MS, storage_key};

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

/// An object to write.
#[derive(Debug, Clone)]
pub struct NewObject<'a> {
    /// What it holds.
    pub body: Bytes,
    /// Its `Content-Type`.
    pub media_type: &'a str,
    /// Whose run made it; results alone have that.
    pub made: Option<Made>,
}

impl<'a> NewObject<'a> {
    /// What nobody is billed for.
    pub fn new(body: impl Into<Bytes>, media_type: &'a str) -> Self {
        Self { body: body.into(), media_type, made: None }
    }

    /// The same as the result of a run.
    #[must_use]
    pub fn made(self, made: Made) -> Self {
        Self { made: Some(made), ..self }
    }
}

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// How long it is.
    pub bytes: u64,
    /// Its `Content-Type`.
    pub media_type: String,
    /// Whose run made it, where it says so.
    pub made: Option<Made>,
    /// How long ago it was written last, in milliseconds; `None` where the store does not say.
    pub age_ms: Option<u64>,
}

impl Head {
    /// What is reported of a job whose result this is. Only the run that made it is billed, by whoever reports it.
    pub fn succeeded(self, job_id: &JobId) -> EventKind {
        let device_ms = self.made.and_then(|made| made.billed_to(job_id)).unwrap_or(0.0);
        EventKind::Succeeded { media_type: self.media_type, bytes: self.bytes, device_ms }
    }
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
        /// The most that the caller takes.
        max_bytes: u64,
    },
    /// The store does not let this worker: try again when somebody may have changed that.
    #[error("store refuses: {0}")]
    Refused(String),
    /// The store could not be reached or is not well: try again.
    #[error("store: {0}")]
    Unavailable(String),
}

/// The result of that name, if it is there. One that has lived a while is renewed: whoever hears of it now is promised
/// all of its days.
///
/// # Errors
///
/// The store's.
pub async fn find_result(store: &dyn Store, key: &str) -> Result<Option<Head>, StoreError> {
    let Some(head) = store.head(key).await? else { return Ok(None) };
    if head.age_ms.is_some_and(|age_ms| age_ms < RENEW_AFTER_MS) {
        return Ok(Some(head));
    }
    match store.renew(key, &head).await {
        Ok(()) => Ok(Some(head)),
        // Its life ended in between.
        Err(StoreError::Missing) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A failure is some hundred bytes.
const MAX_FAILURE_BYTES: u64 = 65_536;

/// The failure that is stored of the job, if one is that can be read.
///
/// # Errors
///
/// The store's.
pub async fn find_failure(store: &dyn Store, job: &JobId) -> Result<Option<JobFailure>, StoreError> {
    match store.get(&storage_key::failure(job), MAX_FAILURE_BYTES).await {
        Ok(stored) => Ok(serde_json::from_slice(&stored).ok()),
        Err(StoreError::Missing | StoreError::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Stores a failure, unless there is one: what is said of the job is what lies there, whoever stored it.
///
/// # Errors
///
/// The store's.
pub async fn put_failure(store: &dyn Store, failure: JobFailure) -> Result<JobFailure, StoreError> {
    let key = storage_key::failure(&failure.job_id);
    // Two strings and an id always have a JSON form.
    let body = serde_json::to_vec(&failure).unwrap_or_default();
    if store.put_if_absent(&key, NewObject::new(body, "application/json")).await? == Put::Created {
        return Ok(failure);
    }
    Ok(find_failure(store, &failure.job_id).await?.unwrap_or(failure))
}

/// Objects by key. Results and failures are written once; a byte-identical rewrite may renew the life of one.
#[async_trait]
pub trait Store: Send + Sync {
    /// Writes the object unless it is there. Of several writers at once exactly one is answered [`Put::Created`].
    async fn put_if_absent(&self, key: &str, object: NewObject<'_>) -> Result<Put, StoreError>;

    /// Writes the object, whatever lies there: what is kept of a job between its deliveries, never a result.
    async fn overwrite(&self, key: &str, object: NewObject<'_>) -> Result<(), StoreError>;

    /// Reads an object of at most `max_bytes`.
    async fn get(&self, key: &str, max_bytes: u64) -> Result<Bytes, StoreError>;

    /// Looks whether the object is there. `None` only where the store says that there is no such key.
    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError>;

    /// Writes an object once more as it is: its life begins anew. `head` is what is known of it.
    async fn renew(&self, key: &str, head: &Head) -> Result<(), StoreError>;
}
