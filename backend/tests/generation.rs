//! Texts are continued token by token: progress is reported, what is canceled stops early, what is stopped comes back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod world;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use forebay_backend::{
    Array, BatchInput,
    engine::{DeterministicEngine, Devices, Engine, RunError},
    model::{Manifest, Model, ModelError},
    store::Store as _,
};
use forebay_contract::{EventKind, FailureCode, JobMessage, ParameterValue, Parameters, storage_key};
use world::{
    World, eventually,
    manifests::{counting, counting_within},
    text_job,
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).join("counter/1")
}

fn counter(name: &str, max_new_tokens: usize) -> Manifest {
    counting(&folder(name), max_new_tokens)
}

fn devices(delay_ms: u64) -> Devices {
    Devices::one(DeterministicEngine::slow(Duration::from_millis(delay_ms)))
}

async fn text_of(world: &World, message: &JobMessage) -> String {
    let body = world.store.get(&storage_key::result(&message.digest), 10_000).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

fn progress(world: &World, message: &JobMessage) -> Vec<(u32, u32)> {
    let events = world.edge.events_of(message.job_id).into_iter();
    events
        .filter_map(|event| match event {
            EventKind::Progress { done, total } => Some((done, total)),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn texts_of_one_batch_go_on_each_in_its_own_way() {
    let world = World::new();
    let mut short = text_job(3, "t1");
    short.parameters = Parameters::from([("max_tokens".to_owned(), ParameterValue::Integer(1))]);
    let (stopped, long) = (text_job(1, "t0 t6"), text_job(2, "t9 t1"));
    [&short, &stopped, &long].into_iter().for_each(|message| world.send(message));
    let worker = world.start_on(vec![counter("each", 6)], devices(0));
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(text_of(&world, &stopped).await, r#"{"text":"t7 t8","tokens":2,"finish":"stop"}"#);
    assert_eq!(text_of(&world, &long).await, r#"{"text":"t2 t3 t4 t5 t6 t7","tokens":6,"finish":"length"}"#);
    assert_eq!(text_of(&world, &short).await, r#"{"text":"t2","tokens":1,"finish":"length"}"#);
    // Every second token, and not when it is over.
    assert_eq!((progress(&world, &long), progress(&world, &short)), (vec![(2, 6), (4, 6)], vec![]));
}

#[tokio::test]
async fn a_prompt_of_which_the_end_alone_was_read_says_so() {
    let world = World::new();
    let (whole, cut) = (text_job(1, "t1 t1 t1 t1 t1 t1 t1 t7"), text_job(2, "t1 t1 t1 t1 t1 t1 t1 t1 t7"));
    [&whole, &cut].into_iter().for_each(|message| world.send(message));
    let worker = world.start_on(vec![counter("cut", 6)], devices(0));
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(text_of(&world, &whole).await, r#"{"text":"t8","tokens":1,"finish":"stop"}"#);
    assert_eq!(text_of(&world, &cut).await, r#"{"text":"t8","tokens":1,"finish":"stop","truncated":true}"#);
}

/// Breaks when it is called with more tokens than its context, as an embedding of positions does.
struct Within {
    inner: DeterministicEngine,
    context: usize,
}

impl Engine for Within {
    fn device(&self) -> String {
        self.inner.device()
    }
    fn load(&mut self, model: &Model) -> Result<(), ModelError> {
        self.inner.load(model)
    }
    fn unload(&mut self, id: &str) {
        self.inner.unload(id);
    }
    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        if input.row_cells() > self.context as u64 {
            return Err(RunError::Refused("index out of range in self".to_owned()));
        }
        self.inner.run(model, input)
    }
}

#[tokio::test]
async fn a_text_and_its_continuation_stay_within_the_models_context() {
    let world = World::new();
    let asking = |number, text: &str, max_tokens| {
        let mut message = text_job(number, text);
        message.parameters = Parameters::from([("max_tokens".to_owned(), ParameterValue::Integer(max_tokens))]);
        message
    };
    let (whole, cut) = (asking(1, "t0 t1 t2", 3), asking(2, "t0 t0 t0 t2 t1", 3));
    let (most, beyond) = (asking(3, "t0 t0 t1", 5), asking(4, "t1", 6));
    [&whole, &cut, &most, &beyond].into_iter().for_each(|message| world.send(message));
    let engine = Within { inner: DeterministicEngine::default(), context: 6 };
    let worker = world.start_on(vec![counting_within(&folder("within"), 5, Some(6))], Devices::one(engine));
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(text_of(&world, &whole).await, r#"{"text":"t3 t4 t5","tokens":3,"finish":"length"}"#);
    let of_the_end = r#"{"text":"t2 t3 t4","tokens":3,"finish":"length","truncated":true}"#;
    assert_eq!(text_of(&world, &cut).await, of_the_end);
    let of_one = r#"{"text":"t2 t3 t4 t5 t6","tokens":5,"finish":"length","truncated":true}"#;
    assert_eq!(text_of(&world, &most).await, of_one);
    let events = world.edge.events_of(beyond.job_id);
    assert!(matches!(events.last(), Some(EventKind::Failed { code: FailureCode::ContextExceeded, .. })), "{events:?}");
}

#[tokio::test]
async fn a_worker_without_jobs_says_that_it_is_there() {
    let world = World::new();
    let greeted = || world.edge.greetings.load(Ordering::Relaxed);
    world.edge.away.store(true, Ordering::Relaxed);
    let worker = world.start_on(vec![counter("idle", 6)], devices(0));
    eventually("a greeting", || greeted() == 1).await;
    // Nobody has heard it: it is said again.
    world.edge.away.store(false, Ordering::Relaxed);
    eventually("another greeting", || greeted() == 2).await;
    worker.drain().await;
    // And then for a minute not.
    assert_eq!(greeted(), 2);
}

#[tokio::test]
async fn a_text_that_is_canceled_on_the_way_is_left_there() {
    let world = World::new();
    let endless = text_job(1, "t1");
    world.send(&endless);
    // t9 ends it, so t8 is followed by t0 in this one.
    let worker = world.start_on(vec![endless_counter("canceled")], devices(2));
    let load = Arc::clone(&worker.load);
    eventually("it has begun", || !progress(&world, &endless).is_empty()).await;
    world.edge.canceled.lock().unwrap().insert(endless.job_id);
    eventually("acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert!(world.store.keys().is_empty());
    let (done, total) = progress(&world, &endless).pop().unwrap();
    assert!(done < total / 2, "{done} of {total}");
    load.learn();
    assert!(load.costs().relative_errors().is_empty(), "nothing is learned from the part that ran");
}

#[tokio::test]
async fn a_stop_hands_an_unfinished_text_back() {
    let world = World::new();
    let endless = text_job(1, "t1");
    world.send(&endless);
    let worker = world.start_on(vec![endless_counter("stopped")], devices(2));
    eventually("it has begun", || !progress(&world, &endless).is_empty()).await;
    worker.drain().await;
    assert!(
        world.edge.events_of(endless.job_id).iter().any(|event| matches!(event, EventKind::Returned { .. }))
            && world.store.keys().is_empty()
    );
}

/// Goes on for minutes.
fn endless_counter(name: &str) -> Manifest {
    let mut manifest = counter(name, 60_000);
    if let forebay_backend::model::Task::TextGenerate(_, steps) = &mut manifest.task {
        steps.stop.clear();
    }
    manifest
}
