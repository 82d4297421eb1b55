//! What is handed back was nobody's run: it makes no suspect and fails no job. What ends its worker does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod world;

use std::{sync::Arc, time::Duration};

use forebay_backend::{
    engine::{DeterministicEngine, Devices, Patience},
    model::{Manifest, Registry},
    queue::MAX_RECEIVES,
    store::Store,
};
use forebay_contract::{EventKind, FailureCode, JobFailure, JobMessage, storage_key};
use world::{
    World, eventually, job,
    manifests::{doubler, parsed},
};

/// A batch of this model waits for ten seconds, so that a worker which is stopped before has not begun it.
fn patient() -> Manifest {
    parsed(&doubler("1").replace("max_wait_ms = 5", "max_wait_ms = 10_000"))
}

fn engine() -> Box<DeterministicEngine> {
    Box::new(DeterministicEngine::default())
}

async fn attempts(world: &World, message: &JobMessage) -> Option<String> {
    let body = world.store.get(&storage_key::attempts(&message.job_id), 10_000).await.ok()?;
    Some(String::from_utf8(body.to_vec()).unwrap())
}

fn count(world: &World, message: &JobMessage, which: impl Fn(&EventKind) -> bool) -> usize {
    world.edge.events_of(message.job_id).iter().filter(|event| which(event)).count()
}

fn batches_of(world: &World, message: &JobMessage) -> Vec<u32> {
    let size = |event: &EventKind| if let EventKind::Started { batch_size } = event { Some(*batch_size) } else { None };
    world.edge.events_of(message.job_id).iter().filter_map(size).collect()
}

#[tokio::test]
async fn a_fleet_that_is_rolled_again_and_again_makes_no_suspects() {
    let world = World::new();
    let messages: Vec<JobMessage> = (0..4).map(|number| job(number, &format!("[{number}, 1]"))).collect();
    messages.iter().for_each(|message| world.send(message));
    for roll in 1..=10 {
        let worker = world.start_with(Arc::clone(&world.store) as Arc<dyn Store>, patient(), engine());
        let received = |message| count(&world, message, |event| *event == EventKind::Received) >= roll;
        eventually("all are received", || messages.iter().all(received)).await;
        worker.drain().await;
    }
    assert!(world.store.keys().is_empty(), "nothing is written down of what did not begin: {:?}", world.store.keys());
    let worker = world.start();
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    for message in &messages {
        assert!(world.store.keys().contains(&storage_key::result(&message.digest)));
        assert_eq!(batches_of(&world, message), [4], "all run together, at their eleventh delivery");
    }
}

#[tokio::test]
async fn a_worker_that_ends_while_it_is_told_to_stop_makes_no_suspects() {
    let mut world = World::new();
    (world.visibility, world.delay) = (Duration::from_millis(600), Duration::from_secs(3));
    let message = job(1, "[1, 1]");
    world.send(&message);
    for _ in 0..2 {
        let started = count(&world, &message, |event| matches!(event, EventKind::Started { .. }));
        let worker = world.start();
        let again = || count(&world, &message, |event| matches!(event, EventKind::Started { .. })) > started;
        eventually("it runs", again).await;
        worker.stop.cancel();
        let drained = || world.vitals.health.hindrances().contains(&"draining: no more jobs are taken".to_owned());
        eventually("it drains", drained).await;
        // The second time a run was written down before it began, and is taken back.
        let forgiven = || world.edge.events_of(message.job_id).len() < 3 || world.store.keys().len() == 1;
        eventually("what was written down is taken back", forgiven).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        worker.crash().await;
    }
    assert_eq!(attempts(&world, &message).await.as_deref(), Some("{\"unfinished\":0,\"unable\":0}"));
}

/// The marked row makes a device hang, or lose all that it can do for its process.
#[tokio::test]
async fn what_ends_each_worker_that_runs_it_is_found_and_ended() {
    tokio::join!(ends_workers("[-888, 0]"), ends_workers("[-999, 0]"));
}

async fn ends_workers(input: &str) {
    let mut world = World::new();
    (world.visibility, world.delay) = (Duration::from_millis(600), Duration::from_millis(10));
    world.patience = Patience { floor: Duration::from_millis(400), factor: 1, load: Duration::from_secs(9) };
    let culprit = job(99, input);
    let innocent: Vec<JobMessage> = (0..20).map(|number| job(number, &format!("[{number}, 1]"))).collect();
    world.send(&culprit);
    innocent.iter().for_each(|message| world.send(message));
    let mut lives = 0;
    while !world.queue.is_empty() {
        lives += 1;
        assert!(lives < 9, "{:?}", world.edge.events_of(culprit.job_id));
        let worker = world.start();
        let (stop, mut running) = (worker.stop.clone(), worker.running);
        tokio::select! {
            _ = &mut running => {}
            () = eventually("it ends or all is done", || world.queue.is_empty()) => {
                stop.cancel();
                running.await.unwrap().unwrap();
            }
        }
    }
    let body = world.store.get(&storage_key::failure(&culprit.job_id), 10_000).await.unwrap();
    assert_eq!(serde_json::from_slice::<JobFailure>(&body).unwrap().code, FailureCode::Abandoned);
    let sizes = batches_of(&world, &culprit);
    assert!(sizes.len() == 3 && sizes[1..] == [1, 1], "in company once, then alone twice: {sizes:?}");
    for message in &innocent {
        assert!(world.store.keys().contains(&storage_key::result(&message.digest)));
    }
}

#[tokio::test]
async fn a_worker_without_a_model_says_so_and_fails_nothing() {
    let world = World::new();
    let mut message = job(1, "[1, 1]");
    message.version = "9".to_owned();
    world.send(&message);
    let worker = world.start();
    eventually("it is handed back", || {
        count(&world, &message, |event| matches!(event, EventKind::Returned { .. })) == 1
    })
    .await;
    let hindrances = world.vitals.health.hindrances();
    assert_eq!(hindrances, ["model doubler@9 cannot be run here: it is not in models-dir"]);
    worker.drain().await;
    assert_eq!(attempts(&world, &message).await.as_deref(), Some("{\"unfinished\":0,\"unable\":1}"));
    assert_eq!(world.store.keys().len(), 1, "{:?}", world.store.keys());
}

/// What workers do when the model's folder comes late, in hours that take milliseconds.
#[tokio::test(start_paused = true)]
async fn a_model_that_no_worker_has_fails_its_jobs_after_longer_than_a_rollout() {
    let world = World::new();
    let started = tokio::time::Instant::now();
    let mut message = job(1, "[1, 1]");
    message.version = "9".to_owned();
    world.send(&message);
    let worker = world.start_from(
        Arc::clone(&world.store) as Arc<dyn Store>,
        Registry::default(),
        Devices::one(DeterministicEngine::default()),
    );
    while !world.queue.is_empty() {
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let minutes = started.elapsed().as_secs() / 60;
    worker.drain().await;
    assert!((45..75).contains(&minutes), "{minutes} minutes");
    let body = world.store.get(&storage_key::failure(&message.job_id), 10_000).await.unwrap();
    assert_eq!(serde_json::from_slice::<JobFailure>(&body).unwrap().code, FailureCode::ModelUnavailable);
    let received = count(&world, &message, |event| *event == EventKind::Received);
    assert!(received < MAX_RECEIVES as usize, "{received} receives");
}

/// Two workers on one lane, one of which has no model: it is the faster one.
#[tokio::test(start_paused = true)]
async fn a_worker_that_can_run_nothing_does_not_take_the_lane() {
    let world = World::new();
    let messages: Vec<JobMessage> = (0..400).map(|number| job(number, &format!("[{number}, 1]"))).collect();
    let lame = world.start_from(
        Arc::clone(&world.store) as Arc<dyn Store>,
        Registry::default(),
        Devices::one(DeterministicEngine::default()),
    );
    // Forty minutes of work for nobody, so that it learns what it is.
    for message in &messages {
        world.send(message);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let returned = |message: &JobMessage| count(&world, message, |event| matches!(event, EventKind::Returned { .. }));
    let returns: usize = messages.iter().map(returned).sum();
    assert!((7..60).contains(&returns), "{returns} of 400 in 200 s");
    lame.drain().await;
}
