//! A pipeline over the in-memory queue and store and the deterministic engine.
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod manifests;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use forebay_backend::{
    DeviceLoad, Vitals,
    edge::{Edge, EdgeError},
    engine::{DeterministicEngine, Devices, Engine, Patience},
    model::{Manifest, Registry},
    pipeline::{self, Bounds, Parts, PipelineError},
    queue::{Lanes, MemoryQueue, MemoryQueueSettings, Queue},
    settings::built_in_lanes,
    store::{MemoryStore, Store},
};
use forebay_contract::{
    Digest, EventKind, Input, InputRef, JobId, JobMessage, Lane, MediaType, Namespace, Parameters, Report,
    ReportAnswer, ReportEvent, ShardKey,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use manifests::{doubler, parsed, seer};

/// What outlives a worker.
pub(crate) struct World {
    pub(crate) queue: Arc<MemoryQueue>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) edge: Arc<RecordingEdge>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) visibility: Duration,
    pub(crate) delay: Duration,
    pub(crate) patience: Patience,
    pub(crate) decoded_bytes: usize,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            queue: Arc::new(MemoryQueue::new(MemoryQueueSettings::default())),
            store: Arc::default(),
            edge: Arc::default(),
            vitals: Arc::default(),
            visibility: Duration::from_secs(30),
            delay: Duration::ZERO,
            patience: Patience::default(),
            decoded_bytes: 1 << 30,
        }
    }

    pub(crate) fn start(&self) -> Worker {
        self.start_over(Arc::clone(&self.store) as Arc<dyn Store>)
    }

    pub(crate) fn start_over(&self, store: Arc<dyn Store>) -> Worker {
        self.start_with(store, parsed(&doubler("1")), Box::new(DeterministicEngine::slow(self.delay)))
    }

    pub(crate) fn start_with(&self, store: Arc<dyn Store>, manifest: Manifest, engine: Box<dyn Engine>) -> Worker {
        let devices = Devices { engines: vec![engine], patience: self.patience, model_memory: None };
        self.run(store, vec![manifest], devices)
    }

    /// With the doubler and these models, on these devices.
    pub(crate) fn start_on(&self, mut manifests: Vec<Manifest>, devices: Devices) -> Worker {
        manifests.push(parsed(&doubler("1")));
        self.run(Arc::clone(&self.store) as Arc<dyn Store>, manifests, devices)
    }

    fn run(&self, store: Arc<dyn Store>, manifests: Vec<Manifest>, devices: Devices) -> Worker {
        let mut registry = Registry::default();
        manifests.into_iter().for_each(|manifest| registry.insert(manifest));
        registry.insert(parsed(&seer("seer", 8, 100_000_000)));
        self.start_from(store, registry, devices)
    }

    /// With these models and no others.
    pub(crate) fn start_from(&self, store: Arc<dyn Store>, registry: Registry, devices: Devices) -> Worker {
        let lanes: Lanes = [(Lane::FREE_LIGHT, Arc::clone(&self.queue) as Arc<dyn Queue>)].into();
        let load = Arc::new(DeviceLoad::default());
        let parts = Parts {
            lanes,
            store,
            edge: Some(Arc::clone(&self.edge) as Arc<dyn Edge>),
            registry: Arc::new(registry),
            devices,
            load: Arc::clone(&load),
            vitals: Arc::clone(&self.vitals),
        };
        let bounds = Bounds {
            worker: "w".to_owned(),
            weights: built_in_lanes(),
            visibility: self.visibility,
            prefetch: 64,
            cpu_threads: 2,
            decoded_bytes: self.decoded_bytes,
        };
        let stop = CancellationToken::new();
        Worker { load, stop: stop.clone(), running: tokio::spawn(pipeline::run(parts, bounds, stop)) }
    }

    pub(crate) fn send(&self, message: &JobMessage) {
        self.queue.send(message.to_json().unwrap());
    }
}

pub(crate) struct Worker {
    pub(crate) load: Arc<DeviceLoad>,
    pub(crate) stop: CancellationToken,
    pub(crate) running: JoinHandle<Result<(), PipelineError>>,
}

impl Worker {
    /// As `kill -9` does: nothing is finished, nothing handed back.
    pub(crate) async fn crash(self) {
        self.running.abort();
        let _ = self.running.await;
    }

    pub(crate) async fn drain(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}

/// Job number `number` of an account, over these two numbers as they stand in JSON.
pub(crate) fn job(number: u64, numbers: &str) -> JobMessage {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    let input = Input { media_type: MediaType::Json, bytes: numbers.as_bytes().to_vec() };
    JobMessage {
        job_id: JobId::new(1_800_000_000_000, random, ShardKey::new("acme", 0)),
        account: format!("account-{}", number % 3),
        model: "doubler".to_owned(),
        version: "1".to_owned(),
        parameters: Parameters::new(),
        digest: Digest::new(Namespace::Account("acme"), "doubler", "1", &Parameters::new(), &input),
        input: InputRef::Inline { media_type: MediaType::Json, data: input.bytes },
        cost_ms: 1.0,
        accepted_ms: 1_800_000_000_000,
        deadline_ms: None,
        traceparent: None,
    }
}

/// Job number `number` of an account, over this picture.
pub(crate) fn picture_job(number: u64, png: &[u8]) -> JobMessage {
    let mut message = job(number, "");
    "seer".clone_into(&mut message.model);
    let input = Input { media_type: MediaType::Png, bytes: png.to_vec() };
    // Each job has a digest of its own: the same picture sent twice would run once.
    let model = format!("seer-{number}");
    message.digest = Digest::new(Namespace::Account("acme"), &model, "1", &Parameters::new(), &input);
    message.input = InputRef::Inline { media_type: MediaType::Png, data: input.bytes };
    message
}

/// Remembers reports, and answers as it is told.
#[derive(Default)]
pub(crate) struct RecordingEdge {
    pub(crate) events: Mutex<Vec<ReportEvent>>,
    pub(crate) canceled: Mutex<BTreeSet<JobId>>,
    pub(crate) away: std::sync::atomic::AtomicBool,
    /// Reports of nothing that were sent to it.
    pub(crate) greetings: std::sync::atomic::AtomicUsize,
}

impl RecordingEdge {
    pub(crate) fn events_of(&self, id: JobId) -> Vec<EventKind> {
        let events = self.events.lock().unwrap();
        events.iter().filter(|event| event.job_id == id).map(|event| event.kind.clone()).collect()
    }
}

#[async_trait]
impl Edge for RecordingEdge {
    async fn post(&self, report: &Report) -> Result<ReportAnswer, EdgeError> {
        if report.events.is_empty() {
            self.greetings.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        if self.away.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(EdgeError::Unavailable("away".to_owned()));
        }
        self.events.lock().unwrap().extend(report.events.iter().cloned());
        let canceled = self.canceled.lock().unwrap();
        let asked = report.events.iter().map(|event| event.job_id);
        Ok(ReportAnswer { canceled: asked.filter(|id| canceled.contains(id)).collect() })
    }
}

/// Polls until it holds; fails after a minute, which no machine is too busy for.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 60 s: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Job number `number` over this text, for the [`counting`](manifests::counting) model.
pub(crate) fn text_job(number: u64, text: &str) -> JobMessage {
    let mut message = job(number, "");
    "counter".clone_into(&mut message.model);
    let input = Input { media_type: MediaType::PlainText, bytes: text.as_bytes().to_vec() };
    let model = format!("counter-{number}");
    message.digest = Digest::new(Namespace::Account("acme"), &model, "1", &Parameters::new(), &input);
    message.input = InputRef::Inline { media_type: MediaType::PlainText, data: input.bytes };
    message
}
