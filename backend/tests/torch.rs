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
use forebay_contract::{FailureCode, JobFailure, JobMessage, storage_key};
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
    // Made outside: inside, its making would be traced without its numbers.
    let table = Tensor::from_slice(&[10.0_f32, 11.0, 12.0, 13.0]);
    let mut look_up = |inputs: &[Tensor]| {
        let ids = inputs[0].to_kind(Kind::Int64);
        vec![table.index_select(0, &ids.reshape([-1])).reshape([-1, 2])]
    };
    let module = CModule::create_by_tracing("table", "forward", &[example], &mut look_up).unwrap();
    module.save(folder.join("model.pt")).unwrap();
}

fn manifest(folder: &Path, more: &str) -> Manifest {
    Manifest::parse(&folder.join("model.toml"), &format!("{}{more}", world::DOUBLER)).unwrap()
}

async fn run(manifest: Manifest, messages: &[JobMessage]) -> World {
    let world = World::new();
    messages.iter().for_each(|message| world.send(message));
    let engine = TorchEngine::open(DeviceChoice::Auto, 1).unwrap();
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

#[tokio::test]
async fn weights_that_are_not_those_named_are_not_run() {
    let folder = folder("other");
    table_of_four(&folder);
    let sha256 = format!("[weights]\nsha256 = \"{}\"\n", "0".repeat(64));
    let message = job(1, "[0, 1]");
    let world = run(manifest(&folder, &sha256), std::slice::from_ref(&message)).await;
    assert_eq!(failure_of(&world, &message).await.code, FailureCode::ModelUnavailable);
}

#[tokio::test]
async fn weights_that_are_missing_or_broken_fail_their_jobs_only() {
    let folder = folder("broken");
    std::fs::write(folder.join("model.pt"), b"not a model").unwrap();
    let message = job(1, "[0, 1]");
    let world = run(manifest(&folder, ""), std::slice::from_ref(&message)).await;
    let failure = failure_of(&world, &message).await;
    assert_eq!(
        (failure.code, failure.detail.as_str()),
        (FailureCode::ModelUnavailable, "the model could not be loaded")
    );
}
