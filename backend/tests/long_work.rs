//! Work of hours: nobody can hold a message for longer than twelve hours from its receipt, and what would not end by then
//! is not begun; what is not over by then is broken off. On a paused clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod world;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use forebay_backend::{
    Array, BatchInput, DeviceLoad,
    engine::{DeterministicEngine, Devices, Engine, RunError},
    model::{Manifest, Model, ModelError, Registry},
    pipeline::{self, Bounds, Executor, Parts},
    queue::{Lanes, MemoryQueue, MemoryQueueSettings, Queue},
    settings::built_in_lanes,
    store::Store,
};
use forebay_contract::{EventKind, FailureCode, JobMessage, Lane};
use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use world::{
    World, job,
    manifests::{counting, doubler, parsed},
    text_job,
};

const HOUR: Duration = Duration::from_secs(3600);
const HOUR_MS: f64 = 3_600_000.0;

/// Counts its calls, each of which takes so long of the paused clock.
struct Slow {
    inner: DeterministicEngine,
    call: Duration,
    calls: Arc<AtomicUsize>,
}

impl Engine for Slow {
    fn device(&self) -> String {
        self.inner.device()
    }
    fn load(&mut self, model: &Model) -> Result<(), ModelError> {
        self.inner.load(model)
    }
    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        // It moves the clock when it is first polled.
        let _ = tokio::time::advance(self.call).now_or_never();
        self.inner.run(model, input)
    }
}

/// A worker with two lanes on this runtime alone.
struct Scene {
    world: World,
    paid: Arc<MemoryQueue>,
    load: Arc<DeviceLoad>,
    calls: Arc<AtomicUsize>,
    /// How long the next batches keep the device; the last one stays.
    batch_times: Arc<Mutex<Vec<Duration>>>,
}

impl Scene {
    fn new(batch_times: &[Duration]) -> Self {
        let batch_times = Arc::new(Mutex::new(batch_times.iter().rev().copied().collect()));
        let paid = Arc::new(MemoryQueue::new(MemoryQueueSettings::default()));
        Self { world: World::new(), paid, load: Arc::default(), calls: Arc::default(), batch_times }
    }

    fn start(&self, manifest: Manifest, call: Duration) -> CancellationToken {
        let (free, paid) = (Arc::clone(&self.world.queue) as Arc<dyn Queue>, Arc::clone(&self.paid) as Arc<dyn Queue>);
        let lanes: Lanes = [(Lane::FREE_LIGHT, free), (Lane::PAID_LIGHT, paid)].into();
        let mut registry = Registry::default();
        registry.insert(manifest);
        let parts = Parts {
            lanes,
            store: Arc::clone(&self.world.store) as Arc<dyn Store>,
            edge: Some(self.world.edge.clone()),
            registry: Arc::new(registry),
            devices: Devices::one(Slow { inner: DeterministicEngine::default(), call, calls: self.calls.clone() }),
            load: Arc::clone(&self.load),
            vitals: Arc::clone(&self.world.vitals),
        };
        let (visibility, decoded_bytes) = (self.world.visibility, 1 << 30);
        let (worker, weights) = ("w".to_owned(), built_in_lanes());
        let bounds = Bounds { worker, weights, visibility, prefetch: 64, cpu_threads: 1, decoded_bytes };
        let batch_times = Arc::clone(&self.batch_times);
        let batch_time = Box::new(move |_| {
            let mut batch_times = batch_times.lock().unwrap();
            if batch_times.len() > 1 {
                batch_times.pop().unwrap()
            } else {
                batch_times.last().copied().unwrap_or_default()
            }
        });
        let executor = Executor::Runtime { batch_time, wall_ms: Arc::new(|| 1_800_000_000_000) };
        let stop = CancellationToken::new();
        tokio::spawn(pipeline::run_by(executor, parts, bounds, stop.clone()));
        stop
    }

    async fn all_ended(&self) {
        let deadline = Instant::now() + HOUR * 100;
        while !(self.world.queue.is_empty() && self.paid.is_empty()) {
            assert!(Instant::now() < deadline, "not all has ended");
            sleep(Duration::from_secs(30)).await;
        }
    }

    fn events(&self, message: &JobMessage) -> Vec<EventKind> {
        let mut events = self.world.edge.events_of(message.job_id);
        // With `received` it is asked, again and again, whether it is still wanted.
        events.retain(|event| *event != EventKind::Received);
        events
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

/// Doubles two numbers, one job at a time, in so many hours by its manifest.
fn hours(hours: f64) -> Manifest {
    let text = doubler("1").replace("cost_ms = 1.0", &format!("cost_ms = {:?}", hours * HOUR_MS));
    let text = text.replace("max_items = 8", "max_items = 1");
    parsed(&text)
}

fn costing(mut message: JobMessage, cost_ms: f64) -> JobMessage {
    message.cost_ms = cost_ms;
    message
}

fn failed_as_too_long(events: &[EventKind]) -> bool {
    matches!(events.last(), Some(EventKind::Failed { code: FailureCode::WorkTooLong, .. }))
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_into_the_rest_of_its_receipt_is_begun_after_another() {
    let scene = Scene::new(&[HOUR * 8]);
    let (first, second) = (costing(job(1, "[1, 1]"), 8.0 * HOUR_MS), costing(job(2, "[2, 1]"), 8.0 * HOUR_MS));
    scene.world.send(&first);
    scene.paid.send(second.to_json().unwrap());
    let _stop = scene.start(hours(8.0), Duration::ZERO).drop_guard();
    scene.all_ended().await;
    assert_eq!(scene.calls(), 2);
    let events = [scene.events(&first), scene.events(&second)];
    assert!(events.iter().all(|events| matches!(events.last(), Some(EventKind::Succeeded { .. }))), "{events:?}");
    let returned = events.iter().flatten().filter(|event| matches!(event, EventKind::Returned { .. })).count();
    assert_eq!(returned, 1, "the one that had waited for the other: {events:?}");
}

#[tokio::test(start_paused = true)]
async fn what_no_receipt_has_the_time_for_is_not_begun() {
    let scene = Scene::new(&[HOUR * 11, HOUR * 13]);
    let _stop = scene.start(hours(8.0), Duration::ZERO).drop_guard();
    // Two are slower than was said: from then on it is known.
    for number in 1..=2 {
        scene.world.send(&costing(job(number, &format!("[{number}, 1]")), 8.0 * HOUR_MS));
        scene.all_ended().await;
    }
    assert_eq!(scene.calls(), 2);
    let third = costing(job(3, "[3, 1]"), 8.0 * HOUR_MS);
    scene.world.send(&third);
    scene.all_ended().await;
    let events = scene.events(&third);
    assert!(failed_as_too_long(&events) && scene.calls() == 2, "{events:?}");
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).join("counter/1")
}

/// Continues a text by up to 60 tokens, none of which ends it.
fn writer(name: &str) -> Manifest {
    let mut manifest = counting(&folder(name), 60);
    let forebay_backend::model::Task::TextGenerate(_, steps) = &mut manifest.task else { panic!("it writes") };
    steps.stop.clear();
    manifest
}

#[tokio::test(start_paused = true)]
async fn a_text_that_outlasts_its_receipt_is_broken_off_and_not_begun_again() {
    let scene = Scene::new(&[HOUR]);
    let endless = text_job(1, "t1");
    scene.world.send(&endless);
    let _stop = scene.start(writer("outlasts"), HOUR).drop_guard();
    scene.all_ended().await;
    let events = scene.events(&endless);
    assert!(failed_as_too_long(&events), "{events:?}");
    assert_eq!(scene.calls(), 12, "an hour each");
    assert!(events.contains(&EventKind::Progress { done: 10, total: 60 }), "{events:?}");
    scene.load.learn();
    assert!(scene.load.costs().relative_errors().is_empty(), "nothing is learned from the part that ran");
}

#[tokio::test(start_paused = true)]
async fn a_text_is_priced_by_what_its_message_says_and_what_texts_took() {
    const SECOND: Duration = Duration::from_secs(1);
    let scene = Scene::new(&[SECOND * 80, SECOND * 20]);
    let mut manifest = writer("priced");
    manifest.spec.cost_ms = 1000.0;
    let _stop = scene.start(manifest, Duration::ZERO).drop_guard();
    let predicted = async |message: &JobMessage| {
        scene.world.send(message);
        while scene.load.free_at().is_none() {
            sleep(SECOND / 100).await;
        }
        let free_at = scene.load.free_at().unwrap();
        let predicted = free_at.saturating_duration_since(Instant::now());
        scene.all_ended().await;
        predicted.as_secs_f64()
    };
    let first = predicted(&costing(text_job(1, "t1"), 40_000.0)).await;
    assert!((38.0..=40.1).contains(&first), "40 tokens of a second: {first}");
    // It took twice as long.
    let second = predicted(&costing(text_job(2, "t1"), 10_000.0)).await;
    assert!((18.0..=20.1).contains(&second), "10 tokens of two seconds: {second}");
    let ratio = scene.load.costs().ratio("counter@1");
    assert!((1.9..2.1).contains(&ratio), "{ratio}");
}
