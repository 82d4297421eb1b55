//! The tch engine under the pipeline, with models made here: no exported weights are needed.
#![cfg(feature = "tch")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod world;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use forebay_backend::{
    engine::torch::{DeviceChoice, TorchEngine},
    model::Manifest,
    store::Store,
};
use forebay_contract::{EventKind, FailureCode, JobFailure, JobMessage, storage_key};
use sha2::{Digest as _, Sha256};
use tch::{CModule, Kind, Tensor};
use world::{World, eventually, job};

/// A folder of its own for one test's model, under the target folder.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).join("doubler/1");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Looks two numbers up in a table of four, and so refuses others, as an embedding refuses ids beyond its own.
fn table_of_four(folder: &Path) {
    let example = Tensor::from_slice(&[0.0_f32, 1.0]).reshape([1, 2]);
    // The table is made outside: inside, its making would be traced without its numbers.
    let table = Tensor::from_slice(&[10.0_f32, 11.0, 12.0, 13.0]);
    let mut look_up = |inputs: &[Tensor]| {
        let ids = inputs[0].to_kind(Kind::Int64);
        vec![table.index_select(0, &ids.reshape([-1])).reshape([-1, 2])]
    };
    let module = CModule::create_by_tracing("table", "forward", &[example], &mut look_up).unwrap();
    module.save(folder.join("model.pt")).unwrap();
}

fn manifest(folder: &Path, more: &str) -> Manifest {
    Manifest::parse(&folder.join("model.toml"), &format!("{}{more}", world::manifests::doubler("1"))).unwrap()
}

/// On the CPU, which refuses what a GPU would be lost by.
async fn run(manifest: Manifest, messages: &[JobMessage]) -> World {
    run_on(DeviceChoice::Cpu, manifest, messages).await
}

async fn run_on(device: DeviceChoice, manifest: Manifest, messages: &[JobMessage]) -> World {
    let world = World::new();
    messages.iter().for_each(|message| world.send(message));
    let engine = TorchEngine::open(device, 1).unwrap();
    let worker = world.start_with(Arc::clone(&world.store) as Arc<dyn Store>, manifest, Box::new(engine));
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    world
}

async fn failure_of(world: &World, message: &JobMessage) -> JobFailure {
    let body = world.store.get(&storage_key::failure(&message.job_id), 10_000).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn an_input_that_the_model_refuses_fails_alone_without_internals() {
    let folder = folder("refused");
    table_of_four(&folder);
    let (good, bad) = ([job(1, "[0, 1]"), job(2, "[2, 3]"), job(4, "[1, 3]")], job(3, "[0, 99]"));
    let all: Vec<JobMessage> = good.iter().chain([&bad]).cloned().collect();
    let world = run(manifest(&folder, ""), &all).await;
    for (message, expect) in good.iter().zip(["[10.0,11.0]", "[12.0,13.0]", "[11.0,13.0]"]) {
        let body = world.store.get(&storage_key::result(&message.digest), 1000).await.unwrap();
        assert_eq!(body, format!("{{\"output\":{expect}}}"));
    }
    let failure = failure_of(&world, &bad).await;
    assert_eq!(failure.code, FailureCode::ExecutionFailed);
    assert!(failure.detail.starts_with("RuntimeError: "), "{}", failure.detail);
    assert!(failure.detail.contains("out of range") && !failure.detail.contains(".cpp"), "{}", failure.detail);
}

/// Runs until every message is stored or given back; the worker's hindrances then.
async fn run_badly(manifest: Manifest, messages: &[JobMessage]) -> (World, Vec<String>) {
    let world = World::new();
    messages.iter().for_each(|message| world.send(message));
    let engine = TorchEngine::open(DeviceChoice::Cpu, 1).unwrap();
    let worker = world.start_with(Arc::clone(&world.store) as Arc<dyn Store>, manifest, Box::new(engine));
    let edge = Arc::clone(&world.edge);
    let ended = |message: &JobMessage| {
        let events = edge.events_of(message.job_id);
        events.iter().any(|event| matches!(event, EventKind::Returned { .. } | EventKind::Failed { .. }))
    };
    eventually("all have ended or are handed back", || messages.iter().all(ended)).await;
    let hindrances = world.vitals.health.hindrances();
    worker.drain().await;
    (world, hindrances)
}

fn sha256_of(file: &Path) -> String {
    format!("[weights]\nsha256 = \"{}\"\n", hex::encode(Sha256::digest(std::fs::read(file).unwrap())))
}

#[tokio::test]
async fn weights_that_are_not_those_named_are_not_run_and_fail_no_job() {
    let folder = folder("other");
    table_of_four(&folder);
    let sha256 = format!("[weights]\nsha256 = \"{}\"\n", "0".repeat(64));
    let (world, hindrances) = run_badly(manifest(&folder, &sha256), &[job(1, "[0, 1]")]).await;
    assert_eq!((ends(&world), world.queue.is_empty()), (0, false), "another worker may have the right ones");
    assert!(hindrances.iter().any(|why| why.contains("doubler@1") && why.contains("found sha256")), "{hindrances:?}");
}

#[tokio::test]
async fn weights_that_are_missing_or_perhaps_half_copied_fail_no_job() {
    let missing = folder("missing");
    let (world, hindrances) = run_badly(manifest(&missing, ""), &[job(1, "[0, 1]")]).await;
    assert_eq!(ends(&world), 0);
    assert!(hindrances.iter().any(|why| why.contains("No such file")), "{hindrances:?}");
    let half = folder("half");
    std::fs::write(half.join("model.pt"), b"not a model").unwrap();
    let (world, hindrances) = run_badly(manifest(&half, ""), &[job(1, "[0, 1]")]).await;
    assert_eq!((ends(&world), world.queue.is_empty()), (0, false));
    assert!(hindrances.iter().any(|why| why.contains("PytorchStreamReader")), "torch's own words: {hindrances:?}");
}

#[tokio::test]
async fn the_right_weights_that_torch_refuses_fail_their_jobs() {
    for precision in ["fp32", "bf16"] {
        let folder = folder(&format!("broken-{precision}"));
        std::fs::write(folder.join("model.pt"), b"not a model").unwrap();
        let weights = format!("{}precision = \"{precision}\"\n", sha256_of(&folder.join("model.pt")));
        let message = job(1, "[0, 1]");
        let (world, _) = run_badly(manifest(&folder, &weights), std::slice::from_ref(&message)).await;
        let failure = failure_of(&world, &message).await;
        let expect = (FailureCode::ModelUnavailable, "the model could not be loaded");
        assert_eq!((failure.code, failure.detail.as_str()), expect);
    }
}

/// Made by `fixtures/make.py`.
fn copy_fixture(name: &str, folder: &Path) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::copy(fixtures.join(name), folder.join("model.pt")).unwrap();
}

#[tokio::test]
async fn memory_that_the_machine_does_not_have_is_not_taken_for_a_refusal() {
    let folder = folder("hungry");
    copy_fixture("hungry.pt", &folder);
    let (good, bad) = (job(1, "[0, 1]"), job(2, "[100000, 1]"));
    let world = run(manifest(&folder, ""), &[good.clone(), bad.clone()]).await;
    let body = world.store.get(&storage_key::result(&good.digest), 1000).await.unwrap();
    assert_eq!(
        (body, failure_of(&world, &bad).await.code),
        ("{\"output\":[0.0,2.0]}".into(), FailureCode::OutOfMemory)
    );
}

#[tokio::test]
async fn words_about_a_lost_device_that_a_model_raises_are_a_refusal() {
    let folder = folder("raises");
    copy_fixture("raises.pt", &folder);
    let (good, bad) = (job(1, "[0, 1]"), job(2, "[-1, 1]"));
    let world = run(manifest(&folder, ""), &[good.clone(), bad.clone()]).await;
    assert_eq!(failure_of(&world, &bad).await.code, FailureCode::ExecutionFailed);
    assert_eq!((ends(&world), world.vitals.health.ills()), (2, vec![]));
}

/// Results and failures that are stored.
fn ends(world: &World) -> usize {
    let keys = world.store.keys();
    keys.iter().filter(|key| key.starts_with("results/") || key.starts_with("failures/")).count()
}

#[tokio::test]
async fn a_precision_is_that_of_floating_numbers_alone() {
    for precision in ["fp32", "bf16", "fp16"] {
        let folder = folder(&format!("buffers-{precision}"));
        copy_fixture("buffers.pt", &folder);
        let weights = format!("{}precision = \"{precision}\"\n", sha256_of(&folder.join("model.pt")));
        let message = job(1, "[2, 5]");
        let world = run_on(DeviceChoice::Any, manifest(&folder, &weights), std::slice::from_ref(&message)).await;
        let body = world.store.get(&storage_key::result(&message.digest), 1000).await.unwrap();
        assert_eq!(body, "{\"output\":[3.0,-2.0]}", "{precision}: 2 and 70001 % 100, -5 and 3");
    }
}
