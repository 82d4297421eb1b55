//! The pipeline's promises, over memory and the deterministic engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod world;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use forebay_backend::{
    queue::{MemoryQueue, MemoryQueueSettings, Queue as _},
    store::{Head, MemoryStore, NewObject, Put, Store, StoreError},
};
use forebay_contract::{EventKind, FailureCode, InputRef, JobFailure, JobMessage, MediaType, storage_key};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use world::{World, eventually, job, picture_job};

async fn failure_of(store: &MemoryStore, message: &JobMessage) -> JobFailure {
    let body = store.get(&storage_key::failure(&message.job_id), 10_000).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

async fn result_of(store: &MemoryStore, message: &JobMessage) -> String {
    let body = store.get(&storage_key::result(&message.digest), 10_000).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_job_is_run_stored_acknowledged_and_reported_in_this_order() {
    let world = World::new();
    let message = job(1, "[1, 2.5]");
    world.send(&message);
    let worker = world.start();
    eventually("acknowledged", || world.queue.is_empty()).await;
    assert_eq!(result_of(&world.store, &message).await, r#"{"output":[2.0,5.0]}"#);
    worker.drain().await;
    let events = world.edge.events_of(message.job_id);
    assert!(
        matches!(
            events.as_slice(),
            [EventKind::Received, EventKind::Started { batch_size: 1 }, EventKind::Succeeded { bytes: 20, .. }]
        ),
        "{events:?}"
    );
}

#[tokio::test]
async fn bad_input_fails_alone_and_says_why() {
    let world = World::new();
    let good: Vec<JobMessage> = (0..20).map(|number| job(number, &format!("[{number}, 0]"))).collect();
    let mut wrong_kind = job(104, "[9, 9]");
    wrong_kind.input = InputRef::Inline { media_type: MediaType::Png, data: vec![1] };
    let mut lost = job(105, "[9, 8]");
    let sha256 = "00".repeat(32);
    lost.input = InputRef::Stored { media_type: MediaType::Json, key: "inputs/lost".to_owned(), bytes: 5, sha256 };
    let bad = [
        (job(100, "[-666, 1]"), FailureCode::ExecutionFailed, "RuntimeError: the input is marked to fail"),
        (job(101, "[-777, 1]"), FailureCode::OutputInvalid, "the model answered NaN or infinity"),
        (job(102, "[1, 2, 3]"), FailureCode::TensorShape, "the tensor is not a JSON array"),
        (wrong_kind, FailureCode::InputMismatch, "the model does not take image/png"),
        (lost, FailureCode::InputMissing, "the stored input is gone"),
    ];
    for message in good.iter().chain(bad.iter().map(|(message, ..)| message)) {
        world.send(message);
    }
    let worker = world.start();
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;

    for (number, message) in good.iter().enumerate() {
        assert_eq!(result_of(&world.store, message).await, format!("{{\"output\":[{}.0,0.0]}}", number * 2));
    }
    for (message, code, detail) in &bad {
        let failure = failure_of(&world.store, message).await;
        assert_eq!((failure.job_id, failure.code), (message.job_id, *code));
        assert!(failure.detail.starts_with(detail), "{}", failure.detail);
        let events = world.edge.events_of(message.job_id);
        assert!(
            matches!(events.last(), Some(EventKind::Failed { code: reported, .. }) if reported == code),
            "{events:?}"
        );
    }
    assert_eq!(world.store.keys().len(), good.len() + bad.len());
}

#[tokio::test]
async fn a_crash_loses_nothing_and_every_job_ends_once() {
    let mut world = World::new();
    world.queue = Arc::new(MemoryQueue::new(MemoryQueueSettings { max_receives: 5 }));
    // Visibility timeouts that a busy machine extends in time: a message that came too often is dead.
    (world.visibility, world.delay) = (Duration::from_millis(1500), Duration::from_millis(30));
    let mut messages: Vec<JobMessage> = (0..60).map(|number| job(number, &format!("[{number}, 1]"))).collect();
    // The same question from another job, and a poison among the rest.
    messages.push(job(60, "[7, 1]"));
    messages.push(job(61, "[-666, 1]"));
    for message in &messages {
        world.send(message);
    }
    world.queue.send("this is no job");

    for _ in 0..2 {
        let worker = world.start();
        let stored = world.store.keys().len();
        eventually("some results", || world.store.keys().len() >= stored + 9).await;
        worker.crash().await;
    }
    let worker = world.start();
    eventually("all are acknowledged, the unreadable one is dead", || world.queue.is_empty()).await;
    worker.drain().await;

    assert_eq!(world.queue.dead_letters(), ["this is no job"]);
    let results = world.store.keys().iter().filter(|key| key.starts_with("results/")).count();
    let failures = world.store.keys().iter().filter(|key| key.starts_with("failures/")).count();
    assert_eq!((results, failures), (60, 1), "60 digests of 61 good jobs, and the poison");
    // The store is what counts: a report may have died with its worker.
    let keys = world.store.keys();
    for message in &messages {
        let ends = [storage_key::result(&message.digest), storage_key::failure(&message.job_id)];
        assert_eq!(ends.iter().filter(|key| keys.contains(key)).count(), 1, "{:?}", message.job_id);
    }
}

#[tokio::test]
async fn a_drain_finishes_what_runs_and_hands_back_the_rest_at_once() {
    let mut world = World::new();
    world.delay = Duration::from_millis(200);
    let messages: Vec<JobMessage> = (0..50).map(|number| job(number, &format!("[{number}, 1]"))).collect();
    for message in &messages {
        world.send(message);
    }
    let worker = world.start();
    eventually("the first batch is stored", || !world.store.keys().is_empty()).await;
    let stopping = Instant::now();
    worker.drain().await;
    assert!(stopping.elapsed() < world.visibility / 2, "{:?}", stopping.elapsed());

    let stored = world.store.keys().len();
    assert!(stored < 50, "some were left");
    let mut back = BTreeMap::new();
    while let [message, ..] = &world.queue.receive(1, Duration::ZERO, world.visibility).await.unwrap()[..] {
        back.insert(JobMessage::from_json(&message.body).unwrap().job_id, message.receive_count);
    }
    assert_eq!(back.len() + stored, 50, "visible at once, long before the visibility timeout ends");
    let returned = |message: &&JobMessage| {
        world.edge.events_of(message.job_id).iter().any(|event| matches!(event, EventKind::Returned { .. }))
    };
    assert!(messages.iter().filter(returned).count() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_is_never_taken_for_a_fault() {
    let world = World::new();
    for _ in 0..200 {
        world.start().drain().await;
    }
}

#[tokio::test]
async fn one_digest_runs_once() {
    let mut world = World::new();
    world.delay = Duration::from_millis(50);
    let messages = [job(1, "[4, 2]"), job(2, "[4, 2]"), job(3, "[4, 2]")];
    for message in &messages[..2] {
        world.send(message);
    }
    let worker = world.start();
    let load = Arc::clone(&worker.load);
    eventually("both are acknowledged", || world.queue.is_empty()).await;
    world.send(&messages[2]);
    eventually("the late one too", || world.queue.is_empty()).await;
    worker.drain().await;

    assert_eq!(load.rows(), 1);
    let free = |message: &&JobMessage| {
        let last = world.edge.events_of(message.job_id).pop();
        matches!(last, Some(EventKind::Succeeded { device_ms, .. }) if device_ms == 0.0)
    };
    assert_eq!(messages.iter().filter(free).count(), 2);
}

#[tokio::test]
async fn a_canceled_job_is_acknowledged_and_never_runs() {
    let world = World::new();
    let (canceled, wanted) = (job(1, "[1, 1]"), job(2, "[2, 2]"));
    world.edge.canceled.lock().unwrap().insert(canceled.job_id);
    world.send(&canceled);
    world.send(&wanted);
    let worker = world.start();
    eventually("both are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(world.store.keys(), [storage_key::result(&wanted.digest)]);
    assert_eq!(world.edge.events_of(canceled.job_id), [EventKind::Received]);
}

#[tokio::test]
async fn a_job_past_its_deadline_is_acknowledged_and_never_runs() {
    let world = World::new();
    let (mut late, mut early) = (job(1, "[1, 1]"), job(2, "[2, 2]"));
    (late.deadline_ms, early.deadline_ms) = (Some(1_800_000_000_000 / 2), Some(u64::MAX));
    world.send(&late);
    world.send(&early);
    let worker = world.start();
    let load = Arc::clone(&worker.load);
    eventually("both are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(world.store.keys(), [storage_key::result(&early.digest)]);
    assert_eq!(load.rows(), 1);
}

/// An earlier delivery may have begun it, and who waits at the edge for what has begun hears only of what is stored.
#[tokio::test]
async fn a_redelivered_job_past_its_deadline_ends_in_a_stored_failure() {
    let world = World::new();
    let mut late = job(1, "[1, 1]");
    late.deadline_ms = Some(1_800_000_000_000 / 2);
    world.send(&late);
    world.queue.receive(1, Duration::ZERO, Duration::ZERO).await.unwrap();
    let worker = world.start();
    let load = Arc::clone(&worker.load);
    eventually("acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(failure_of(&world.store, &late).await.code, FailureCode::Abandoned);
    let events = world.edge.events_of(late.job_id);
    assert!(matches!(events[..], [EventKind::Received, EventKind::Failed { code: FailureCode::Abandoned, .. }]));
    assert_eq!(load.rows(), 0);
}

#[tokio::test]
async fn what_a_batch_costs_is_learned_while_it_runs() {
    let mut world = World::new();
    world.delay = Duration::from_millis(20);
    for number in 0..200 {
        world.send(&job(number, &format!("[{number}, 1]")));
    }
    let worker = world.start();
    let load = Arc::clone(&worker.load);
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    let errors = load.costs().relative_errors();
    assert_eq!(errors.iter().map(|(model, _)| model.as_str()).collect::<Vec<_>>(), ["doubler@1"]);
    let learned = load.costs().price("doubler@1", 1.0).batch_us(8, 2);
    assert!(learned > 15_000, "20 ms a batch, not the manifest's 1 ms a job: {learned} µs");
    assert_eq!(load.cells_and_padding(), (400, 0));
}

/// Those decoded last wait for more than one batch, those handed over wait behind the one that runs.
#[tokio::test]
async fn a_job_that_is_canceled_while_it_waits_never_runs() {
    let mut world = World::new();
    world.delay = Duration::from_secs(2);
    let messages: Vec<JobMessage> = (0..24).map(|number| job(number, &format!("[{number}, 1]"))).collect();
    for message in &messages {
        world.send(message);
    }
    let worker = world.start();
    let load = Arc::clone(&worker.load);
    let began = |message: &JobMessage| {
        world.edge.events_of(message.job_id).iter().any(|event| matches!(event, EventKind::Started { .. }))
    };
    let received = |message: &JobMessage| world.edge.events_of(message.job_id).contains(&EventKind::Received);
    eventually("all are received, some began", || messages.iter().all(received) && messages.iter().any(began)).await;
    let waiting: Vec<&JobMessage> = messages.iter().filter(|message| !began(message)).collect();
    world.edge.canceled.lock().unwrap().extend(waiting.iter().map(|message| message.job_id));
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;

    assert!(waiting.len() >= 16, "a batch has eight");
    assert_eq!(load.rows() as usize, messages.len() - waiting.len());
    for message in waiting {
        assert!(!began(message) && !world.store.keys().contains(&storage_key::result(&message.digest)));
    }
    let asked = world.edge.events.lock().unwrap().clone();
    for event in asked.iter().filter(|event| event.kind == EventKind::Received) {
        let first = asked.iter().find(|first| first.job_id == event.job_id && first.kind == EventKind::Received);
        assert!(event.at_ms <= first.unwrap().at_ms, "asking again is no news of when it was received");
    }
}

#[tokio::test]
async fn what_is_cheap_waits_for_no_picture() {
    let world = World::new();
    let mut png = Vec::new();
    let side = 1_500_u32;
    let pixels = vec![7; (side * side) as usize];
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    image::ImageEncoder::write_image(encoder, &pixels, side, side, image::ExtendedColorType::L8).unwrap();
    let pictures: Vec<JobMessage> = (0..40).map(|number| picture_job(number, &png)).collect();
    for message in &pictures {
        world.send(message);
    }
    let worker = world.start();
    let received = |message: &JobMessage| world.edge.events_of(message.job_id).contains(&EventKind::Received);
    eventually("the pictures are there", || pictures.iter().all(received)).await;
    let cheap = job(99, "[1, 1]");
    world.send(&cheap);
    eventually("the cheap one is done", || world.store.keys().contains(&storage_key::result(&cheap.digest))).await;
    let before = world.store.keys().len() - 1;
    assert!(before < pictures.len() / 2, "{before} pictures went first");
    eventually("the pictures are done", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(world.store.keys().iter().filter(|key| key.starts_with("results/")).count(), 41);
}

#[tokio::test]
async fn an_edge_that_is_away_stops_nothing() {
    let world = World::new();
    world.edge.away.store(true, Ordering::Relaxed);
    for number in 0..20 {
        world.send(&job(number, &format!("[{number}, 1]")));
    }
    let worker = world.start();
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(world.store.keys().len(), 20);
}

/// A store that is away for its first calls.
struct Flaky {
    inner: Arc<MemoryStore>,
    left: AtomicUsize,
}

impl Flaky {
    fn fails(&self) -> Result<(), StoreError> {
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Err(StoreError::Unavailable("away".to_owned())),
            Err(_) => Ok(()),
        }
    }
}

#[async_trait]
impl Store for Flaky {
    async fn put_if_absent(&self, key: &str, object: NewObject<'_>) -> Result<Put, StoreError> {
        self.fails()?;
        self.inner.put_if_absent(key, object).await
    }

    async fn overwrite(&self, key: &str, object: NewObject<'_>) -> Result<(), StoreError> {
        self.fails()?;
        self.inner.overwrite(key, object).await
    }

    async fn get(&self, key: &str, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.fails()?;
        self.inner.get(key, max_bytes).await
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        self.fails()?;
        self.inner.head(key).await
    }

    async fn renew(&self, key: &str, head: &Head) -> Result<(), StoreError> {
        self.fails()?;
        self.inner.renew(key, head).await
    }
}

#[tokio::test]
async fn a_store_that_is_away_costs_time_and_no_job() {
    let mut world = World::new();
    // Shorter than the store is away, and renewed in time by a busy machine.
    world.visibility = Duration::from_millis(1000);
    let message = job(1, "[1, 1]");
    world.send(&message);
    let flaky = Arc::new(Flaky { inner: Arc::clone(&world.store), left: AtomicUsize::new(5) });
    let worker = world.start_over(flaky);
    let load = Arc::clone(&worker.load);
    eventually("acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(result_of(&world.store, &message).await, r#"{"output":[2.0,2.0]}"#);
    assert_eq!(load.rows(), 1, "it was kept hidden, so nobody else got it");
}

/// A store whose puts wait until it is opened.
struct Shut {
    inner: Arc<MemoryStore>,
    waiting: AtomicUsize,
    open: CancellationToken,
}

#[async_trait]
impl Store for Shut {
    async fn put_if_absent(&self, key: &str, object: NewObject<'_>) -> Result<Put, StoreError> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.open.cancelled().await;
        self.inner.put_if_absent(key, object).await
    }

    async fn overwrite(&self, key: &str, object: NewObject<'_>) -> Result<(), StoreError> {
        self.inner.overwrite(key, object).await
    }

    async fn get(&self, key: &str, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.inner.get(key, max_bytes).await
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        self.inner.head(key).await
    }

    async fn renew(&self, key: &str, head: &Head) -> Result<(), StoreError> {
        self.inner.renew(key, head).await
    }
}

#[tokio::test]
async fn while_results_are_stored_as_much_work_is_taken_in_as_before() {
    let world = World::new();
    let messages: Vec<JobMessage> = (0..300).map(|number| job(number, &format!("[{number}, 1]"))).collect();
    messages.iter().for_each(|message| world.send(message));
    let (inner, open) = (Arc::clone(&world.store), CancellationToken::new());
    let shut = Arc::new(Shut { inner, waiting: AtomicUsize::new(0), open: open.clone() });
    let worker = world.start_over(Arc::clone(&shut) as Arc<dyn Store>);
    let received = || messages.iter().filter(|message| !world.edge.events_of(message.job_id).is_empty()).count();
    // The worker holds 64 at most, and 64 puts are under way.
    eventually("both are full", || shut.waiting.load(Ordering::SeqCst) == 64 && received() >= 128).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(received() < 150, "{} are held", received());
    assert_eq!(shut.waiting.load(Ordering::SeqCst), 64);
    open.cancel();
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(world.store.keys().len(), 300);
}

/// A result that was stored so long ago answers a job, which does not run: how old it is afterwards.
async fn found_at_the_age_of(ms: u64) -> Option<u64> {
    let world = World::new();
    let message = job(1, "[3, 4]");
    let key = storage_key::result(&message.digest);
    world.store.put_if_absent(&key, NewObject::new(r#"{"output":[6.0,8.0]}"#, "application/json")).await.unwrap();
    world.store.age(&key, ms);
    world.send(&message);
    let worker = world.start();
    let load = Arc::clone(&worker.load);
    eventually("acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    let events = world.edge.events_of(message.job_id);
    assert!(matches!(events.last(), Some(EventKind::Succeeded { bytes: 20, .. })), "{events:?}");
    assert_eq!(result_of(&world.store, &message).await, r#"{"output":[6.0,8.0]}"#);
    assert_eq!(load.rows(), 0);
    world.store.head(&key).await.unwrap().unwrap().age_ms
}

#[tokio::test]
async fn a_result_that_has_lived_a_while_is_renewed_before_it_answers_another_job() {
    const DAY_MS: u64 = 86_400_000;
    assert_eq!(found_at_the_age_of(DAY_MS - 1).await, Some(DAY_MS - 1));
    for old_ms in [DAY_MS, 29 * DAY_MS] {
        assert_eq!(found_at_the_age_of(old_ms).await, Some(0), "{old_ms}");
    }
}

#[tokio::test]
async fn a_stored_input_is_read_and_checked() {
    use sha2::Digest as _;

    let world = World::new();
    let body = Bytes::from_static(b"[3, 4]");
    let stored = |number: u64, sha256: String| {
        let mut message = job(number, &format!("[3, {number}]"));
        message.input = InputRef::Stored { media_type: MediaType::Json, key: "inputs/x".to_owned(), bytes: 6, sha256 };
        message
    };
    world.store.put_if_absent("inputs/x", NewObject::new(body.clone(), "application/json")).await.unwrap();
    let (right, wrong) = (stored(1, hex::encode(sha2::Sha256::digest(&body))), stored(2, "11".repeat(32)));
    world.send(&right);
    world.send(&wrong);
    let worker = world.start();
    eventually("both are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(result_of(&world.store, &right).await, r#"{"output":[6.0,8.0]}"#);
    assert_eq!(failure_of(&world.store, &wrong).await.code, FailureCode::InputMissing);
}
