use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Head, NewObject, Put, Store, StoreError};

/// A store in memory that behaves as S3 does; it passes the same contract tests. It has no clock: objects get older when
/// they are told to.
#[derive(Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<String, (Bytes, Head)>>,
}

impl MemoryStore {
    /// Every key there is, in order.
    pub fn keys(&self) -> Vec<String> {
        self.objects().keys().cloned().collect()
    }

    /// Removes an object, as the edge does.
    pub fn remove(&self, key: &str) {
        self.objects().remove(key);
    }

    /// Lets an object be older by so many milliseconds.
    pub fn age(&self, key: &str, ms: u64) {
        if let Some((_, head)) = self.objects().get_mut(key) {
            head.age_ms = head.age_ms.map(|age_ms| age_ms.saturating_add(ms));
        }
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, (Bytes, Head)>> {
        // No method panics while it holds the lock, so a poisoned map is still whole.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn put_if_absent(&self, key: &str, object: NewObject<'_>) -> Result<Put, StoreError> {
        let NewObject { body, media_type, made } = object;
        let mut objects = self.objects();
        if objects.contains_key(key) {
            return Ok(Put::AlreadyThere);
        }
        let head = Head { bytes: body.len() as u64, media_type: media_type.to_owned(), made, age_ms: Some(0) };
        objects.insert(key.to_owned(), (body, head));
        Ok(Put::Created)
    }

    async fn overwrite(&self, key: &str, object: NewObject<'_>) -> Result<(), StoreError> {
        self.objects().remove(key);
        self.put_if_absent(key, object).await.map(drop)
    }

    async fn get(&self, key: &str, max_bytes: u64) -> Result<Bytes, StoreError> {
        let (body, _) = self.objects().get(key).cloned().ok_or(StoreError::Missing)?;
        if body.len() as u64 > max_bytes { Err(StoreError::TooLarge { max_bytes }) } else { Ok(body) }
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        Ok(self.objects().get(key).map(|(_, head)| head.clone()))
    }

    async fn renew(&self, key: &str, _: &Head) -> Result<(), StoreError> {
        let mut objects = self.objects();
        let (_, head) = objects.get_mut(key).ok_or(StoreError::Missing)?;
        head.age_ms = Some(0);
        Ok(())
    }
}
