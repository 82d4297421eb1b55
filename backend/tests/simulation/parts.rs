//! The queue, the store, the edge and the engine that a simulated worker sees, each behind its weather.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use forebay_backend::{
    Array, BatchInput,
    edge::{Edge, EdgeError},
    engine::{DeterministicEngine, Engine, RunError},
    model::{Model, ModelError},
    queue::{MemoryQueue, Message, Queue, QueueError, Receipt, Refused},
    store::{Head, MemoryStore, NewObject, Put, Store, StoreError},
};
use forebay_contract::{JobId, Report, ReportAnswer};

use crate::{chance::Chance, judge::Judge, scenario::Troubles, weather::Weather};

/// One lane.
pub(crate) struct FarQueue {
    pub(crate) inner: Arc<MemoryQueue>,
    pub(crate) weather: Weather,
    pub(crate) judge: Arc<Judge>,
    /// Which message each delivery was of, and which time it was.
    pub(crate) bodies: Arc<Mutex<BTreeMap<Receipt, (String, u32)>>>,
}

impl FarQueue {
    fn away(_: crate::weather::Failed) -> QueueError {
        QueueError("away".to_owned())
    }
}

#[async_trait]
impl Queue for FarQueue {
    async fn receive(&self, max: usize, wait: Duration, lease: Duration) -> Result<Vec<Message>, QueueError> {
        let (inner, judge, bodies) = (Arc::clone(&self.inner), Arc::clone(&self.judge), Arc::clone(&self.bodies));
        let receive = async move {
            let messages = inner.receive(max, wait, lease).await?;
            for message in &messages {
                judge.note(format!("{} is received, time {}", judge.name(&message.body), message.receive_count));
                let delivery = (message.body.clone(), message.receive_count);
                bodies.lock().unwrap().insert(message.receipt.clone(), delivery);
            }
            Ok(messages)
        };
        self.weather.call(receive).await.map_err(Self::away)?
    }

    async fn extend(&self, receipts: &[Receipt], lease: Duration) -> Result<Vec<Refused>, QueueError> {
        let (inner, receipts) = (Arc::clone(&self.inner), receipts.to_vec());
        self.weather.call(async move { inner.extend(&receipts, lease).await }).await.map_err(Self::away)?
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Refused>, QueueError> {
        let (inner, judge, receipts) = (Arc::clone(&self.inner), Arc::clone(&self.judge), receipts.to_vec());
        let bodies: Vec<(String, u32)> = {
            let bodies = self.bodies.lock().unwrap();
            receipts.iter().filter_map(|receipt| bodies.get(receipt).cloned()).collect()
        };
        let delete = async move {
            for (body, time) in &bodies {
                judge.note(format!("{} is acknowledged", judge.name(body)));
                judge.acknowledged(body, *time).await;
            }
            inner.delete(&receipts).await
        };
        self.weather.call(delete).await.map_err(Self::away)?
    }
}

/// The bucket.
pub(crate) struct FarStore {
    pub(crate) inner: Arc<MemoryStore>,
    pub(crate) weather: Weather,
    pub(crate) judge: Arc<Judge>,
}

impl FarStore {
    fn away(_: crate::weather::Failed) -> StoreError {
        StoreError::Unavailable("away".to_owned())
    }
}

#[async_trait]
impl Store for FarStore {
    async fn put_if_absent(&self, key: &str, object: NewObject<'_>) -> Result<Put, StoreError> {
        let put = async {
            let put = self.inner.put_if_absent(key, object).await;
            self.judge.stored(key, &put).await;
            put
        };
        self.weather.call_in_person(put).await.map_err(Self::away)?
    }

    async fn get(&self, key: &str, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.weather.call_in_person(self.inner.get(key, max_bytes)).await.map_err(Self::away)?
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        self.weather.call_in_person(self.inner.head(key)).await.map_err(Self::away)?
    }

    async fn renew(&self, key: &str, head: &Head) -> Result<(), StoreError> {
        self.weather.call_in_person(self.inner.renew(key, head)).await.map_err(Self::away)?
    }
}

/// The edge.
pub(crate) struct FarEdge {
    pub(crate) canceled: Arc<Mutex<BTreeSet<JobId>>>,
    pub(crate) weather: Weather,
    pub(crate) judge: Arc<Judge>,
}

#[async_trait]
impl Edge for FarEdge {
    async fn post(&self, report: &Report) -> Result<ReportAnswer, EdgeError> {
        let (canceled, judge, events) = (Arc::clone(&self.canceled), Arc::clone(&self.judge), report.events.clone());
        let post = async move {
            for event in &events {
                judge.reported(event).await;
            }
            let canceled = canceled.lock().unwrap();
            let asked = events.iter().map(|event| event.job_id);
            let canceled: Vec<JobId> = asked.filter(|id| canceled.contains(id)).collect();
            judge.told_canceled(&canceled);
            ReportAnswer { canceled }
        };
        self.weather.call(post).await.map_err(|_| EdgeError::Unavailable("away".to_owned()))
    }
}

/// A device that is now and then out of memory, and models that now and then do not load.
pub(crate) struct FrailEngine {
    pub(crate) troubles: Troubles,
    pub(crate) chance: Chance,
    pub(crate) calm: Arc<AtomicBool>,
}

impl FrailEngine {
    fn happens(&mut self, share: u64) -> bool {
        self.chance.per_mille(share) && !self.calm.load(Ordering::Relaxed)
    }
}

impl Engine for FrailEngine {
    fn device(&self) -> String {
        "simulated".to_owned()
    }

    fn load(&mut self, _: &Model) -> Result<(), ModelError> {
        if self.happens(self.troubles.unloadable) { Err(ModelError::new("unloadable")) } else { Ok(()) }
    }

    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        if self.happens(self.troubles.out_of_memory) {
            return Err(RunError::OutOfMemory);
        }
        DeterministicEngine { delay: Duration::ZERO }.run(model, input)
    }
}
