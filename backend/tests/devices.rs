//! What devices do wrong, and several of them: over memory and engines that are told how to fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod world;

use std::{
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use forebay_backend::{
    Array, BatchInput,
    engine::{DeterministicEngine, Devices, Engine, FAIL_BATCH, HANG, Patience, RunError},
    model::{Checked, Model, ModelError, Registry},
    pipeline::{Bounds, PipelineError},
    queue::Queue as _,
    serverless::{self, Burst, Record},
    settings::built_in_lanes,
    store::{MemoryStore, Store},
};
use forebay_contract::{EventKind, FailureCode, JobFailure, JobMessage, storage_key};
use world::{
    World, eventually, job,
    manifests::{doubler, parsed},
};

async fn failure_of(world: &World, message: &JobMessage) -> FailureCode {
    let body = world.store.get(&storage_key::failure(&message.job_id), 10_000).await.unwrap();
    serde_json::from_slice::<JobFailure>(&body).unwrap().code
}

fn results(world: &World) -> usize {
    world.store.keys().iter().filter(|key| key.starts_with("results/")).count()
}

/// What jobs ended with: results and failures.
fn ends(world: &World) -> Vec<String> {
    world.store.keys().into_iter().filter(|key| !key.starts_with("attempts/")).collect()
}

#[tokio::test]
async fn a_batch_that_is_too_large_runs_in_parts_and_nobody_hears_of_it() {
    let mut world = World::new();
    world.delay = Duration::from_millis(20);
    // Batches have eight rows, this device holds three.
    let messages: Vec<JobMessage> = (0..40).map(|number| job(number, &format!("[-555, 3.{number:02}]"))).collect();
    messages.iter().for_each(|message| world.send(message));
    let worker = world.start();
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(results(&world), 40);
}

#[tokio::test]
async fn what_does_not_fit_alone_fails_alone() {
    let world = World::new();
    let bad = job(1, "[-555, 0]");
    let good: Vec<JobMessage> = (2..20).map(|number| job(number, &format!("[{number}, 1]"))).collect();
    good.iter().chain([&bad]).for_each(|message| world.send(message));
    let worker = world.start();
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!((results(&world), failure_of(&world, &bad).await), (18, FailureCode::OutOfMemory));
}

#[tokio::test]
async fn a_device_that_hangs_ends_the_worker_and_its_jobs_come_back() {
    let mut world = World::new();
    (world.visibility, world.delay) = (Duration::from_millis(600), Duration::from_millis(50));
    world.patience = Patience { floor: Duration::from_millis(400), factor: 1, load: Duration::from_secs(9) };
    let messages: Vec<JobMessage> = (0..30).map(|number| job(number, &format!("[{number}, 1]"))).collect();
    let hangs = job(99, "[-888, 0]");
    world.send(&hangs);
    messages.iter().for_each(|message| world.send(message));

    let worker = world.start();
    let load = Arc::clone(&worker.load);
    let running = worker.running;
    eventually("whoever asks is told", || world.vitals.health.ills() == ["the device does not answer"]).await;
    assert!(!running.is_finished(), "before it ends");
    let ended = running.await.unwrap();
    assert!(matches!(ended, Err(PipelineError::DeviceHung)), "{ended:?}");
    assert_eq!(ended.unwrap_err().exit_status(), 75);
    assert!(load.is_hung());
    let returned = |message: &&JobMessage| {
        world.edge.events_of(message.job_id).iter().any(|event| matches!(event, EventKind::Returned { .. }))
    };
    assert!(messages.iter().filter(returned).count() > 0, "what the device does not hold is handed back at once");

    // All of it is there again, what the device held when its visibility timeout is over.
    let mut seen = std::collections::BTreeSet::new();
    let left = messages.len() + 1 - results(&world);
    while seen.len() < left {
        for message in world.queue.receive(10, Duration::from_millis(50), Duration::from_secs(30)).await.unwrap() {
            seen.insert(JobMessage::from_json(&message.body).unwrap().job_id);
        }
    }
    assert!(seen.contains(&hangs.job_id));
}

/// Of eight jobs of one batch the fourth loses the device; eight others wait behind it.
#[tokio::test]
async fn a_device_that_is_lost_fails_no_job_and_ends_the_worker() {
    let world = World::new();
    let text = |number| if number == 3 { "[-999, 1]".to_owned() } else { format!("[{number}, 1]") };
    let messages: Vec<JobMessage> = (0..16).map(|number| job(number, &text(number))).collect();
    messages.iter().for_each(|message| world.send(message));
    let running = world.start().running;
    let ended = running.await.unwrap();
    assert!(matches!(ended, Err(PipelineError::DeviceLost)), "{ended:?}");
    assert_eq!(ended.unwrap_err().exit_status(), 75);
    let ills = world.vitals.health.ills();
    assert!(ills.len() == 1 && ills[0].contains("lost") && !world.vitals.health.hindrances().is_empty(), "{ills:?}");

    assert_eq!(ends(&world), [""; 0], "nothing is stored: no result, no failure");
    assert_eq!(world.store.keys().len(), 8, "those that ran are suspect, and no others: {:?}", world.store.keys());
    for message in &messages {
        let events = world.edge.events_of(message.job_id);
        assert!(!events.iter().any(|event| matches!(event, EventKind::Failed { .. })), "{events:?}");
    }
    // The pipeline handed them back: no visibility timeout has to end first.
    let mut back = std::collections::BTreeSet::new();
    while back.len() < messages.len() {
        let taken = world.queue.receive(10, Duration::from_millis(50), Duration::from_secs(30)).await.unwrap();
        assert!(!taken.is_empty(), "{} of {} came back", back.len(), messages.len());
        back.extend(taken.iter().map(|message| JobMessage::from_json(&message.body).unwrap().job_id));
    }
}

#[tokio::test]
async fn what_was_answered_before_the_device_was_lost_is_stored() {
    let world = World::new();
    // The batch fails for the poison's sake and is cut in two: the first half runs, the second loses the device.
    let text = |number| match number {
        1 => "[-666, 1]".to_owned(),
        7 => "[-999, 1]".to_owned(),
        _ => format!("[{number}, 1]"),
    };
    let messages: Vec<JobMessage> = (0..8).map(|number| job(number, &text(number))).collect();
    messages.iter().for_each(|message| world.send(message));
    let worker = world.start_on(vec![], Devices::one(LosesLater::default()));
    assert!(matches!(worker.running.await.unwrap(), Err(PipelineError::DeviceLost)));
    let stored = |message: &JobMessage| world.store.keys().contains(&storage_key::result(&message.digest));
    let answered: Vec<usize> = (0..8).filter(|number| stored(&messages[*number])).collect();
    assert_eq!(failure_of(&world, &messages[1]).await, FailureCode::ExecutionFailed);
    assert!(!answered.contains(&7) && answered.contains(&0), "{answered:?}");
}

/// Loses the device by a marked row only when no row is poison: so that parts of a batch run before.
#[derive(Default)]
struct LosesLater(DeterministicEngine);

impl Engine for LosesLater {
    fn device(&self) -> String {
        self.0.device()
    }
    fn load(&mut self, model: &Model) -> Result<(), ModelError> {
        self.0.load(model)
    }
    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        let BatchInput::Rows(rows) = input else { panic!("the doubler's input is rows") };
        if rows.data().chunks(2).any(|row| row[0] == FAIL_BATCH) {
            return Err(RunError::Refused("RuntimeError: poison".to_owned()));
        }
        self.0.run(model, input)
    }
}

#[tokio::test]
async fn a_text_on_its_way_is_handed_back_when_the_device_is_lost() {
    let world = World::new();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lost-text");
    let counter = world::manifests::counting(&folder, 50);
    let message = world::text_job(1, "t1");
    world.send(&message);
    let worker = world.start_on(vec![counter], Devices::one(LostAfter(2)));
    assert!(matches!(worker.running.await.unwrap(), Err(PipelineError::DeviceLost)));
    assert_eq!(ends(&world), [""; 0]);
    let back = world.queue.receive(10, Duration::from_millis(50), Duration::from_secs(30)).await.unwrap();
    assert_eq!(back.len(), 1);
}

/// Loses the device after so many runs.
struct LostAfter(usize);

impl Engine for LostAfter {
    fn device(&self) -> String {
        "lost later".to_owned()
    }
    fn load(&mut self, _model: &Model) -> Result<(), ModelError> {
        Ok(())
    }
    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        if self.0 == 0 {
            return Err(RunError::DeviceLost("as the test wants it".to_owned()));
        }
        self.0 -= 1;
        DeterministicEngine::default().run(model, input)
    }
}

/// Does not load any model, and says why.
struct Loads(fn() -> ModelError);

impl Engine for Loads {
    fn device(&self) -> String {
        "loads".to_owned()
    }
    fn load(&mut self, _model: &Model) -> Result<(), ModelError> {
        Err((self.0)())
    }
    fn run(&mut self, _model: &Model, _input: &BatchInput) -> Result<Array<f32>, RunError> {
        panic!("nothing is loaded")
    }
}

#[tokio::test]
async fn a_model_that_does_not_load_fails_its_jobs_only_where_every_worker_would_say_so() {
    for (why, is_its_own) in [
        ((|| ModelError::refused("no module", Checked::Yes)) as fn() -> ModelError, true),
        (|| ModelError::refused("no module", Checked::No), false),
        (|| ModelError::new("model.pt: No such file or directory"), false),
        // Another process holds it: nothing here can make room.
        (|| ModelError::out_of_memory("full"), false),
        (|| ModelError::too_slow("not read within 300 s"), false),
    ] {
        let world = World::new();
        let messages = [job(1, "[1, 1]"), job(2, "[2, 1]")];
        messages.iter().for_each(|message| world.send(message));
        let worker = world.start_on(vec![], Devices::one(Loads(why)));
        let edge = Arc::clone(&world.edge);
        let ended = |message: &JobMessage| {
            let events = edge.events_of(message.job_id);
            events.iter().any(|event| matches!(event, EventKind::Returned { .. } | EventKind::Failed { .. }))
        };
        eventually("both are done with", || messages.iter().all(ended)).await;
        let lacks = world.vitals.health.hindrances().iter().any(|hindrance| hindrance.contains("doubler@1"));
        assert_eq!(lacks, !is_its_own, "{:?}: {:?}", why(), world.vitals.health.hindrances());
        worker.drain().await;
        let page = world.vitals.metrics.encode();
        let line = format!("model_load_failures_total{{model=\"doubler@1\",cause=\"{}\"}} 1", why().cause());
        assert!(page.contains(&line), "{line} in {page}");
        if is_its_own {
            assert_eq!(failure_of(&world, &messages[0]).await, FailureCode::ModelUnavailable);
        } else {
            assert_eq!(ends(&world), [""; 0], "{:?}", why());
            let back = world.queue.receive(10, Duration::from_millis(50), Duration::from_secs(30)).await.unwrap();
            assert!(back.is_empty() && !world.queue.is_empty(), "they stay away for a while");
        }
    }
}

#[tokio::test]
async fn a_warm_up_that_loses_the_device_stores_nothing() {
    let world = World::new();
    world.send(&job(1, "[1, 1]"));
    let worker = world.start_on(vec![], Devices::one(Loads(|| ModelError::device_lost("an assert"))));
    assert!(matches!(worker.running.await.unwrap(), Err(PipelineError::DeviceLost)));
    assert_eq!((ends(&world), world.queue.is_empty()), (vec![], false));
}

struct Panics;
impl Engine for Panics {
    fn device(&self) -> String {
        "panics".to_owned()
    }
    fn load(&mut self, _model: &Model) -> Result<(), ModelError> {
        Ok(())
    }
    fn run(&mut self, _model: &Model, _input: &BatchInput) -> Result<Array<f32>, RunError> {
        panic!("as the test wants it")
    }
}

#[tokio::test]
async fn a_device_whose_thread_dies_ends_the_worker() {
    let world = World::new();
    world.send(&job(1, "[1, 1]"));
    let worker = world.start_on(vec![], Devices { patience: Patience::default(), ..Devices::one(Panics) });
    assert!(matches!(worker.running.await.unwrap(), Err(PipelineError::StageEnded)));
    assert!(!world.queue.is_empty());
}

/// How many devices ran at the same time; each waits until all do.
#[derive(Default)]
struct Together {
    running: Mutex<usize>,
    changed: Condvar,
}

struct Meets {
    together: Arc<Together>,
    others: usize,
}

impl Engine for Meets {
    fn device(&self) -> String {
        "meets".to_owned()
    }

    fn load(&mut self, _model: &Model) -> Result<(), ModelError> {
        Ok(())
    }

    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        let mut running = self.together.running.lock().unwrap();
        *running += 1;
        self.together.changed.notify_all();
        while *running < self.others {
            let (next, timed_out) = self.together.changed.wait_timeout(running, Duration::from_secs(20)).unwrap();
            running = next;
            assert!(!timed_out.timed_out(), "the other devices have nothing to do");
        }
        drop(running);
        DeterministicEngine::default().run(model, input)
    }
}

#[tokio::test]
async fn every_device_has_a_batch_at_the_same_time() {
    let world = World::new();
    let messages: Vec<JobMessage> = (0..24).map(|number| job(number, &format!("[{number}, 1]"))).collect();
    messages.iter().for_each(|message| world.send(message));
    let together = Arc::new(Together::default());
    let engine = || Box::new(Meets { together: Arc::clone(&together), others: 3 }) as Box<dyn Engine>;
    let devices =
        Devices { engines: vec![engine(), engine(), engine()], ..Devices::one(DeterministicEngine::default()) };
    let worker = world.start_on(vec![], devices);
    let load = Arc::clone(&worker.load);
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!((results(&world), load.devices()), (24, 3));
}

/// Every model takes forty bytes; tells what it loads and unloads.
#[derive(Clone, Default)]
struct Small {
    story: Arc<Mutex<Vec<String>>>,
}

impl Engine for Small {
    fn device(&self) -> String {
        "small".to_owned()
    }

    fn memory(&self) -> Option<u64> {
        Some(100)
    }

    fn footprint(&self, _model: &Model) -> u64 {
        40
    }

    fn load(&mut self, model: &Model) -> Result<(), ModelError> {
        self.story.lock().unwrap().push(format!("+{}", model.id));
        Ok(())
    }

    fn unload(&mut self, id: &str) {
        self.story.lock().unwrap().push(format!("-{id}"));
    }

    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        DeterministicEngine::default().run(model, input)
    }
}

#[tokio::test]
async fn versions_live_side_by_side_and_the_least_recently_used_makes_room() {
    let world = World::new();
    let version = |version: &str| parsed(&doubler(version));
    let small = Small::default();
    let worker = world.start_on(vec![version("2"), version("3")], Devices::one(small.clone()));
    for (number, version) in [(1, "1"), (2, "2"), (3, "1"), (4, "3"), (5, "1"), (6, "2")] {
        let mut message = job(number, &format!("[{number}, 1]"));
        version.clone_into(&mut message.version);
        world.send(&message);
        eventually("acknowledged", || world.queue.is_empty()).await;
    }
    worker.drain().await;
    assert_eq!(results(&world), 6);
    let story = small.story.lock().unwrap().join(" ");
    assert_eq!(story, "+doubler@1 +doubler@2 -doubler@2 +doubler@3 -doubler@3 +doubler@2");
}

/// Holds one of two models; loading one takes long, a batch does not.
#[derive(Clone, Default)]
struct Crowded {
    loads: Arc<AtomicUsize>,
    batches: Arc<AtomicUsize>,
}

const LOADING: Duration = Duration::from_millis(100);

impl Engine for Crowded {
    fn device(&self) -> String {
        "crowded".to_owned()
    }
    fn memory(&self) -> Option<u64> {
        Some(100)
    }
    fn footprint(&self, _model: &Model) -> u64 {
        60
    }
    fn load(&mut self, _model: &Model) -> Result<(), ModelError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(LOADING);
        Ok(())
    }
    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        self.batches.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(4));
        DeterministicEngine::default().run(model, input)
    }
}

/// Brings 240 jobs of two models, two to a batch, to these devices. How often a model was loaded, and for how many batches.
async fn of_two_models(devices: Devices, crowded: &Crowded) -> (usize, usize) {
    let world = World::new();
    let version = |version: &str| parsed(&doubler(version).replace("max_items = 8", "max_items = 2"));
    let worker = world.start_on(vec![version("2"), version("3")], devices);
    // One after the other, of both models and of three accounts: without turns, nearly every batch is another model's.
    let send = |number| {
        let mut message = job(number, &format!("[{number}, 1]"));
        if number % 2 == 0 { "2" } else { "3" }.clone_into(&mut message.version);
        world.send(&message);
    };
    // The models' files are read by then.
    (0..2).for_each(send);
    eventually("both models are known", || world.queue.is_empty()).await;
    (2..240).for_each(send);
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    assert_eq!(results(&world), 240);
    (crowded.loads.load(Ordering::SeqCst), crowded.batches.load(Ordering::SeqCst))
}

#[tokio::test]
async fn models_that_do_not_fit_together_take_turns_of_many_batches() {
    let crowded = Crowded::default();
    let (loads, batches) = of_two_models(Devices::one(crowded.clone()), &crowded).await;
    assert!(batches >= 120 && loads * 8 <= batches, "{loads} loads for {batches} batches");
}

#[tokio::test]
async fn each_of_two_devices_keeps_the_model_that_it_has() {
    let crowded = Crowded::default();
    let engine = |name| Box::new(Named(name, crowded.clone())) as Box<dyn Engine>;
    let devices = Devices { engines: vec![engine("one"), engine("two")], ..Devices::one(crowded.clone()) };
    let (loads, batches) = of_two_models(devices, &crowded).await;
    assert!(batches >= 120 && loads <= 4, "{loads} loads for {batches} batches");
}

/// A device of another name.
struct Named(&'static str, Crowded);

impl Engine for Named {
    fn device(&self) -> String {
        self.0.to_owned()
    }
    fn memory(&self) -> Option<u64> {
        self.1.memory()
    }
    fn footprint(&self, model: &Model) -> u64 {
        self.1.footprint(model)
    }
    fn load(&mut self, model: &Model) -> Result<(), ModelError> {
        self.1.load(model)
    }
    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        self.1.run(model, input)
    }
}

/// Never answers a batch with the marked row, and says so: then its worker is killed.
struct Kills(Arc<AtomicBool>);

impl Engine for Kills {
    fn device(&self) -> String {
        "kills".to_owned()
    }
    fn load(&mut self, _model: &Model) -> Result<(), ModelError> {
        Ok(())
    }
    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        let BatchInput::Rows(rows) = input else { panic!("the doubler's input is rows") };
        while rows.data().chunks(2).any(|row| row[0] == HANG) {
            self.0.store(true, Ordering::SeqCst);
            std::thread::park();
        }
        DeterministicEngine::default().run(model, input)
    }
}

/// The `culprit`th of eight jobs of one batch.
async fn killed_by(culprit: u64) {
    let mut world = World::new();
    // A busy machine renews them in time: each delivery counts.
    world.visibility = Duration::from_secs(2);
    let text = |number| if number == culprit { "[-888, 1]".to_owned() } else { format!("[{number}, 1]") };
    let messages: Vec<JobMessage> = (0..8).map(|number| job(number, &text(number))).collect();
    messages.iter().for_each(|message| world.send(message));
    let mut lives = 0;
    while !world.queue.is_empty() {
        let killed = Arc::new(AtomicBool::new(false));
        let manifest = parsed(&doubler("1"));
        let store = Arc::clone(&world.store) as Arc<dyn Store>;
        let worker = world.start_with(store, manifest, Box::new(Kills(Arc::clone(&killed))));
        eventually("killed, or done", || killed.load(Ordering::SeqCst) || world.queue.is_empty()).await;
        worker.crash().await;
        lives += 1;
    }
    assert_eq!(failure_of(&world, &messages[culprit as usize]).await, FailureCode::Abandoned);
    assert!(results(&world) == 7 && lives <= 6, "the culprit alone is given up, after {lives} workers");
}

#[tokio::test]
async fn who_kills_workers_takes_none_of_its_batch_along() {
    tokio::join!(killed_by(0), killed_by(3), killed_by(7));
}

#[tokio::test]
async fn a_burst_whose_device_dies_says_that_it_has_ended() {
    let mut registry = Registry::default();
    registry.insert(parsed(&doubler("1")));
    let (store, registry) = (Arc::new(MemoryStore::default()), Arc::new(registry));
    let bounds = Bounds {
        worker: "w".to_owned(),
        weights: built_in_lanes(),
        visibility: Duration::from_secs(30),
        prefetch: 10,
        cpu_threads: 1,
        decoded_bytes: 1 << 30,
    };
    let burst =
        Burst::start(serverless::BurstParts { store, edge: None, registry, devices: Devices::one(Panics) }, bounds);
    let (id, body) = ("1".to_owned(), job(1, "[1, 1]").to_json().unwrap());
    let record = Record { id, queue_arn: String::new(), body, receive_count: 1 };
    assert!(tokio::time::timeout(Duration::from_millis(50), burst.ended()).await.is_err(), "it waits for work");
    let (worked, ended) = tokio::join!(burst.work(vec![record], Duration::from_secs(20)), burst.ended());
    assert_eq!(worked.unwrap_err().to_string(), ended.to_string());
}
