//! What earlier deliveries of a job came to, where they ended nothing.
//!
//! A queue counts how often a message was received. That says little of its job: a worker that drains, is taken away, or
//! cannot get a model hands back what it has not begun. So what says something is written down, in the bucket, where it
//! outlives the worker: runs that began and never ended, and workers that were unable.

use std::time::Duration;

use bytes::Bytes;
use forebay_contract::{FailureCode, JobId, storage_key};
use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    model::AGAIN_AFTER,
    store::{NewObject, Store, StoreError},
};

/// So many runs that never ended are enough: the job is what ended them. The first of them may have been in company, the
/// others were alone.
const MOST_UNFINISHED: u32 = 3;
/// So many times workers may say that they are unable. By the waits between them that takes three quarters of an hour:
/// longer than a rollout.
const MOST_UNABLE: u32 = 8;
/// So often the wait after an inability is doubled at most: 16 minutes.
const DOUBLINGS: u32 = 5;
/// Longer than any that is written.
const MAX_BYTES: u64 = 4096;

/// What is known of a job's earlier deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Past {
    /// Runs that began and of which nobody knows the end: their worker died, or they took its device along.
    pub(crate) unfinished: u32,
    /// Workers that could not get its model, or not load it.
    pub(crate) unable: u32,
}

impl Past {
    /// The same with one more run that began.
    #[must_use]
    pub(crate) fn began(self) -> Self {
        Self { unfinished: self.unfinished.saturating_add(1), ..self }
    }

    /// The same with one more worker that was unable.
    #[must_use]
    pub(crate) fn was_unable(self) -> Self {
        Self { unable: self.unable.saturating_add(1), ..self }
    }

    /// Whether the job may be what ended its worker: then it runs alone.
    pub(crate) fn is_suspect(self) -> bool {
        self.unfinished > 0
    }

    /// Why it shall not be tried again, if so.
    pub(crate) fn verdict(self) -> Option<Failure> {
        if self.unfinished >= MOST_UNFINISHED {
            let detail = "each worker that ran the job ended while it did; do not send it again as it is, and tell whoever \
                          runs this service";
            Some(Failure::new(FailureCode::Abandoned, detail))
        } else if self.unable >= MOST_UNABLE {
            let detail = "no worker could get or load the model for three quarters of an hour; tell whoever runs this \
                          service, and send the job again later";
            Some(Failure::new(FailureCode::ModelUnavailable, detail))
        } else {
            None
        }
    }

    /// So long the message of a job stays away after the last inability, twice as long each time: its receives are
    /// counted, and a shelf that is away for minutes must not use them up.
    pub(crate) fn stays_away(self) -> Duration {
        stays_away(self.unable)
    }

    /// What is written down of a job; nothing of most.
    ///
    /// # Errors
    ///
    /// The store's.
    pub(crate) async fn read(store: &dyn Store, job: &JobId) -> Result<Self, StoreError> {
        match store.get(&storage_key::attempts(job), MAX_BYTES).await {
            Ok(body) => Ok(serde_json::from_slice(&body).unwrap_or_default()),
            Err(StoreError::Missing | StoreError::TooLarge { .. }) => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Writes it down in the bucket, where the next delivery reads it.
    ///
    /// # Errors
    ///
    /// The store's.
    pub(crate) async fn write(self, store: &dyn Store, job: &JobId) -> Result<(), StoreError> {
        // Two numbers always have a JSON form.
        let body: Bytes = serde_json::to_vec(&self).unwrap_or_default().into();
        store.overwrite(&storage_key::attempts(job), NewObject::new(body, "application/json")).await
    }
}

/// How long a message stays away after its `count`th hand-back of one kind.
pub(crate) fn stays_away(count: u32) -> Duration {
    AGAIN_AFTER * 2_u32.pow(count.saturating_sub(1).min(DOUBLINGS))
}

#[cfg(test)]
mod tests {
    use forebay_contract::ShardKey;

    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn receives_alone_make_no_suspect() {
        assert!(!Past::default().is_suspect() && Past::default().verdict().is_none());
        let mut past = Past::default();
        for unfinished in 1..MOST_UNFINISHED {
            past = past.began();
            assert!(past.is_suspect() && past.verdict().is_none(), "{unfinished}");
        }
        assert_eq!(past.began().verdict().map(|failure| failure.code), Some(FailureCode::Abandoned));
    }

    #[test]
    fn inability_is_believed_after_longer_than_a_rollout_takes() {
        let (mut past, mut waited) = (Past::default(), Duration::ZERO);
        loop {
            past = past.was_unable();
            if let Some(failure) = past.verdict() {
                assert_eq!(failure.code, FailureCode::ModelUnavailable);
                break;
            }
            waited += past.stays_away();
        }
        assert!((45..60).contains(&(waited.as_secs() / 60)), "{waited:?}");
        assert!(!past.is_suspect(), "it never ran");
    }

    #[test]
    fn each_time_is_twice_as_long_up_to_a_quarter_of_an_hour() {
        let seconds = [0, 1, 2, 3, 6, 7, u32::MAX].map(|count| stays_away(count).as_secs());
        assert_eq!(seconds, [30, 30, 60, 120, 960, 960, 960]);
    }

    #[tokio::test]
    async fn it_is_read_as_it_was_written_and_what_is_broken_is_nothing() {
        let store = MemoryStore::default();
        let job = JobId::new(1, [1; 10], ShardKey::new("acme", 0));
        assert_eq!(Past::read(&store, &job).await.unwrap(), Past::default());
        for past in [Past { unfinished: 1, unable: 2 }, Past::default()] {
            past.write(&store, &job).await.unwrap();
            assert_eq!(Past::read(&store, &job).await.unwrap(), past);
        }
        for rubbish in [&b"rubbish"[..], &[b'9'; 9000]] {
            let object = NewObject::new(rubbish.to_vec(), "application/json");
            store.overwrite(&storage_key::attempts(&job), object).await.unwrap();
            assert_eq!(Past::read(&store, &job).await.unwrap(), Past::default());
        }
    }
}
