use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Head, Put, Store, StoreError};

/// A store in memory that behaves as S3 does; it passes the same contract tests.
#[derive(Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<String, (Bytes, String)>>,
}

impl MemoryStore {
    /// Every key there is, in order.
    pub fn keys(&self) -> Vec<String> {
        self.objects().keys().cloned().collect()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, (Bytes, String)>> {
        // No method panics while it holds the lock, so a poisoned map is still whole.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn put_if_absent(&self, key: &str, body: Bytes, media_type: &str) -> Result<Put, StoreError> {
        let mut objects = self.objects();
        if objects.contains_key(key) {
            return Ok(Put::AlreadyThere);
        }
        objects.insert(key.to_owned(), (body, media_type.to_owned()));
        Ok(Put::Created)
    }

    async fn get(&self, key: &str, max_bytes: u64) -> Result<Bytes, StoreError> {
        let (body, _) = self.objects().get(key).cloned().ok_or(StoreError::Missing)?;
        if body.len() as u64 > max_bytes { Err(StoreError::TooLarge { max_bytes }) } else { Ok(body) }
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        let head =
            |(body, media_type): &(Bytes, String)| Head { bytes: body.len() as u64, media_type: media_type.clone() };
        Ok(self.objects().get(key).map(head))
    }
}
