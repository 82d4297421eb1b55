use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    store::{Head, NewObject, Put, Store, StoreError},
    vitals::Vitals,
};

/// A store whose calls are timed, and which shows whether it answers.
pub(super) struct MeasuredStore {
    pub(super) inner: Arc<dyn Store>,
    pub(super) vitals: Arc<Vitals>,
}

impl MeasuredStore {
    fn timed<T>(&self, call: &'static str, began: Instant, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        let outcome = match &answer {
            Ok(_) => "ok",
            Err(StoreError::Missing) => "missing",
            Err(StoreError::TooLarge { .. }) => "too_large",
            Err(StoreError::Refused(_)) => "refused",
            Err(StoreError::Unavailable(_)) => "unavailable",
        };
        self.vitals.metrics.stored(call, outcome, began.elapsed());
        self.vitals.health.store_answers(!matches!(outcome, "refused" | "unavailable"));
        answer
    }
}

#[async_trait]
impl Store for MeasuredStore {
    async fn put_if_absent(&self, key: &str, object: NewObject<'_>) -> Result<Put, StoreError> {
        let began = Instant::now();
        self.timed("put", began, self.inner.put_if_absent(key, object).await)
    }

    async fn overwrite(&self, key: &str, object: NewObject<'_>) -> Result<(), StoreError> {
        let began = Instant::now();
        self.timed("overwrite", began, self.inner.overwrite(key, object).await)
    }

    async fn get(&self, key: &str, max_bytes: u64) -> Result<Bytes, StoreError> {
        let began = Instant::now();
        self.timed("get", began, self.inner.get(key, max_bytes).await)
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        let began = Instant::now();
        self.timed("head", began, self.inner.head(key).await)
    }

    async fn renew(&self, key: &str, head: &Head) -> Result<(), StoreError> {
        let began = Instant::now();
        self.timed("renew", began, self.inner.renew(key, head).await)
    }
}
