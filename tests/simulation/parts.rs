//! The queue, the store, the edge and the device that a simulated worker sees.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use forebay_backend::{
    Array, BatchInput,
    edge::{Edge, EdgeError},
    engine::{DeterministicEngine, Engine, LOSE_DEVICE, RunError},
    model::{Model, ModelError},
    queue::{MemoryQueue, Message, Queue, QueueError, Receipt, Refused},
    store::{Head, MemoryStore, NewObject, Put, Store, StoreError},
};
use forebay_contract::{Report, ReportAnswer};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use crate::{
    judge::Judge,
    native::{
        Chance,
        planted::{self, Defect},
    },
    scenario::Scenario,
    trouble::Fault,
};

/// The way to a part of the world.
pub(crate) struct Way {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) chance: Mutex<Chance>,
}

/// The call failed, with or without effect.
pub(crate) struct Failed;

impl Way {
    pub(crate) fn new(scenario: &Arc<Scenario>, part: &str) -> Self {
        Self { scenario: Arc::clone(scenario), chance: Mutex::new(Chance::new(scenario.seed, part)) }
    }

    fn some_ms(&self) -> Duration {
        self.chance.lock().unwrap().ms(1, 20)
    }

    /// Makes a call. What is on its way has its effect even if the caller dies meanwhile.
    async fn call<T: Send + 'static>(&self, effect: impl Future<Output = T> + Send + 'static) -> Result<T, Failed> {
        let effect = async move { tokio::spawn(effect).await.map_err(|_| Failed) };
        self.call_in_person(effect).await?
    }

    /// Makes a call that dies with its caller.
    async fn call_in_person<T>(&self, effect: impl Future<Output = T>) -> Result<T, Failed> {
        sleep(self.some_ms()).await;
        if self.scenario.troubles.strikes(Fault::WorkerCallFails) {
            return Err(Failed);
        }
        let answer = effect.await;
        sleep(self.some_ms()).await;
        if self.scenario.troubles.strikes(Fault::WorkerAnswerLost) { Err(Failed) } else { Ok(answer) }
    }
}

/// One lane.
pub(crate) struct FarQueue {
    pub(crate) inner: Arc<MemoryQueue>,
    pub(crate) way: Way,
    pub(crate) judge: Arc<Judge>,
    /// Which message each delivery was of, and which time it was.
    pub(crate) bodies: Arc<Mutex<BTreeMap<Receipt, (String, u32)>>>,
}

impl FarQueue {
    fn away(_: Failed) -> QueueError {
        QueueError("away".to_owned())
    }

    /// Deletes what was delivered, before the judge's eyes.
    async fn end(
        inner: Arc<MemoryQueue>,
        judge: Arc<Judge>,
        receipts: Vec<Receipt>,
        bodies: Vec<(String, u32)>,
    ) -> Result<Vec<Refused>, QueueError> {
        for (body, time) in &bodies {
            judge.acknowledged(body, *time).await;
        }
        inner.delete(&receipts).await
    }
}

#[async_trait]
impl Queue for FarQueue {
    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Message>, QueueError> {
        let (inner, judge, bodies) = (Arc::clone(&self.inner), Arc::clone(&self.judge), Arc::clone(&self.bodies));
        let receive = async move {
            let messages = inner.receive(max, wait, visibility).await?;
            for message in &messages {
                judge.received(&message.body, message.receive_count);
                let delivery = (message.body.clone(), message.receive_count);
                bodies.lock().unwrap().insert(message.receipt.clone(), delivery.clone());
                if planted::happens(Defect::AcknowledgedBeforeStored) {
                    Self::end(inner.clone(), judge.clone(), vec![message.receipt.clone()], vec![delivery]).await?;
                }
            }
            Ok(messages)
        };
        self.way.call(receive).await.map_err(Self::away)?
    }

    async fn extend(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Refused>, QueueError> {
        let (inner, receipts) = (Arc::clone(&self.inner), receipts.to_vec());
        self.way.call(async move { inner.extend(&receipts, visibility).await }).await.map_err(Self::away)?
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Refused>, QueueError> {
        let (inner, judge, receipts) = (Arc::clone(&self.inner), Arc::clone(&self.judge), receipts.to_vec());
        let bodies: Vec<(String, u32)> = {
            let bodies = self.bodies.lock().unwrap();
            receipts.iter().filter_map(|receipt| bodies.get(receipt).cloned()).collect()
        };
        self.way.call(Self::end(inner, judge, receipts, bodies)).await.map_err(Self::away)?
    }
}

/// The bucket.
pub(crate) struct FarStore {
    pub(crate) inner: Arc<MemoryStore>,
    pub(crate) way: Way,
}

impl FarStore {
    fn away(_: Failed) -> StoreError {
        StoreError::Unavailable("away".to_owned())
    }

    async fn is_there(&self) -> Result<(), StoreError> {
        let troubles = &self.way.scenario.troubles;
        if troubles.strikes(Fault::BucketSlow) {
            sleep(Duration::from_millis(troubles.ms(Fault::BucketSlow, 1_000, 5_000))).await;
        }
        if troubles.strikes(Fault::BucketAway) {
            return Err(Self::away(Failed));
        }
        match troubles.lasts(Fault::NoSuchBucket, None) {
            true => Err(StoreError::Unavailable("NoSuchBucket".to_owned())),
            false => Ok(()),
        }
    }

    async fn put_wrongly(&self, key: &str, object: NewObject<'_>) -> Result<Put, StoreError> {
        let is_result = key.starts_with("results/");
        if is_result && planted::happens(Defect::StoreForgets) {
            return Ok(Put::Created);
        }
        if is_result && planted::happens(Defect::ResultWrong) {
            return self.inner.put_if_absent(key, NewObject { body: Bytes::from_static(b"{}"), ..object }).await;
        }
        if is_result && planted::happens(Defect::ReportedBeforeStored) {
            let (inner, key, body) = (Arc::clone(&self.inner), key.to_owned(), object.body.clone());
            let (media_type, made) = (object.media_type.to_owned(), object.made);
            tokio::spawn(async move {
                sleep(Duration::from_secs(3)).await;
                inner.put_if_absent(&key, NewObject { body, media_type: &media_type, made }).await
            });
            return Ok(Put::Created);
        }
        self.inner.put_if_absent(key, object).await
    }
}

#[async_trait]
impl Store for FarStore {
    async fn put_if_absent(&self, key: &str, object: NewObject<'_>) -> Result<Put, StoreError> {
        self.is_there().await?;
        self.way.call_in_person(self.put_wrongly(key, object)).await.map_err(Self::away)?
    }

    async fn overwrite(&self, key: &str, object: NewObject<'_>) -> Result<(), StoreError> {
        self.is_there().await?;
        let object = match planted::happens(Defect::HandBackIsRun) {
            true => NewObject::new(&br#"{"unfinished":3}"#[..], "application/json"),
            false => object,
        };
        self.way.call_in_person(self.inner.overwrite(key, object)).await.map_err(Self::away)?
    }

    async fn get(&self, key: &str, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.is_there().await?;
        self.way.call_in_person(self.inner.get(key, max_bytes)).await.map_err(Self::away)?
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        self.is_there().await?;
        self.way.call_in_person(self.inner.head(key)).await.map_err(Self::away)?
    }

    async fn renew(&self, key: &str, head: &Head) -> Result<(), StoreError> {
        self.is_there().await?;
        self.way.call_in_person(self.inner.renew(key, head)).await.map_err(Self::away)?
    }
}

/// A report on its way to the edge, which lives on a task of its own.
pub(crate) type Posted = (Report, oneshot::Sender<Result<ReportAnswer, ()>>);

/// The edge.
pub(crate) struct FarEdge {
    pub(crate) edge: mpsc::UnboundedSender<Posted>,
    pub(crate) way: Way,
    pub(crate) judge: Arc<Judge>,
}

#[async_trait]
impl Edge for FarEdge {
    async fn post(&self, report: &Report) -> Result<ReportAnswer, EdgeError> {
        let (edge, judge, report) = (self.edge.clone(), Arc::clone(&self.judge), report.clone());
        let lost = self.way.scenario.troubles.strikes(Fault::ReportLost);
        let post = async move {
            for event in &report.events {
                judge.reported(event).await;
            }
            if lost {
                return Err(());
            }
            let (answer, answered) = oneshot::channel();
            edge.send((report, answer)).map_err(|_| ())?;
            let answer = answered.await.map_err(|_| ())??;
            judge.told_canceled(&answer.canceled);
            Ok(answer)
        };
        let answer = self.way.call(post).await.unwrap_or(Err(()));
        answer.map_err(|()| EdgeError::Unavailable("away".to_owned()))
    }
}

/// A device that is now and then out of memory, or lost.
pub(crate) struct FrailEngine {
    scenario: Arc<Scenario>,
    /// Once it is, it stays so for its process.
    lost: bool,
}

impl FrailEngine {
    pub(crate) fn new(scenario: &Arc<Scenario>) -> Self {
        Self { scenario: Arc::clone(scenario), lost: false }
    }
}

impl Engine for FrailEngine {
    fn device(&self) -> String {
        "simulated".to_owned()
    }

    fn load(&mut self, _: &Model) -> Result<(), ModelError> {
        Ok(())
    }

    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        let BatchInput::Rows(rows) = input else { panic!("the models here take rows") };
        let takes_it_along = rows.data().chunks(2).any(|row| row[0] == LOSE_DEVICE);
        self.lost |= takes_it_along || self.scenario.troubles.strikes(Fault::DeviceLost);
        if self.lost {
            let why = "CUDA error: device-side assert triggered".to_owned();
            let refused = planted::happens(Defect::LossRefused);
            return Err(if refused { RunError::Refused(why) } else { RunError::DeviceLost(why) });
        }
        if self.scenario.troubles.strikes(Fault::OutOfMemory) {
            return Err(RunError::OutOfMemory);
        }
        DeterministicEngine::default().run(model, input)
    }
}
