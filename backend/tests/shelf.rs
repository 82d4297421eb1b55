//! Models that are fetched when they are first used, from a shelf that breaks off and lies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod emulated_aws;
mod http_server;
mod world;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use forebay_backend::{
    aws,
    engine::{DeterministicEngine, Devices},
    model::{FetchLimits, Registry, Rest, S3Shelf, Shelf, ShelfError, Sink},
    store::Store,
};
use forebay_contract::{EventKind, JobMessage, storage_key};
use http_server::HttpServer;
use sha2::{Digest as _, Sha256};
use world::{
    World, eventually, job,
    manifests::{self, doubler, parsed},
};

const LIMITS: FetchLimits = FetchLimits { timeout: Duration::from_secs(60), max_bytes: 1 << 20 };

/// Files in memory; each call gives so many bytes and then breaks off.
#[derive(Default)]
struct Memory {
    files: BTreeMap<String, Vec<u8>>,
    breaks_after: Option<usize>,
    /// From where each file was read.
    asked: Mutex<Vec<(String, u64)>>,
    away: AtomicUsize,
}

#[async_trait]
impl Shelf for Memory {
    fn name(&self) -> String {
        "memory://".to_owned()
    }

    async fn manifests(&self) -> Result<Vec<String>, ShelfError> {
        Ok(self.files.keys().filter(|path| path.ends_with("model.toml")).cloned().collect())
    }

    async fn copy(&self, path: &str, rest: Rest, into: &mut Sink) -> Result<(), ShelfError> {
        self.asked.lock().unwrap().push((path.to_owned(), rest.from));
        if self.away.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(ShelfError::Unavailable("away".to_owned()));
        }
        let file = self.files.get(path).ok_or_else(|| ShelfError::Refused("no such file".to_owned()))?;
        let file = &file[rest.from as usize..];
        match self.breaks_after {
            Some(most) if most < file.len() && !path.ends_with("toml") => {
                into.append(&file[..most]).await?;
                Err(ShelfError::Unavailable("broke off".to_owned()))
            }
            _ => into.append(file).await,
        }
    }
}

fn manifest(version: &str, sha256: &str) -> String {
    let rest = format!(
        "task = \"tensor\"\ninput = {{ kind = \"tensor\", max_bytes = 9 }}\n[tensor]\nshape = [2]\n\
         [output]\nlabels = \"labels.json\"\n[weights]\n{sha256}"
    );
    manifests::toml(&format!("m@{version}"), &rest)
}

fn shelf(weights: &[u8]) -> Memory {
    let sha256 = format!("sha256 = \"{}\"", hex::encode(Sha256::digest(weights)));
    let files = [
        ("m/1/model.toml", manifest("1", &sha256).into_bytes()),
        ("m/1/model.pt", weights.to_vec()),
        ("m/1/labels.json", b"[\"a\"]".to_vec()),
    ];
    Memory { files: files.map(|(path, file)| (path.to_owned(), file)).into(), ..Memory::default() }
}

/// A cache of its own for one test, empty.
fn cache(name: &str) -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shelf").join(name);
    let _ = std::fs::remove_dir_all(&cache);
    cache
}

async fn open(shelf: &Arc<Memory>, cache: &Path, limits: FetchLimits) -> Result<PathBuf, String> {
    let (registry, complaints) =
        Registry::scan_shelf(Arc::clone(shelf) as Arc<dyn Shelf>, cache, limits).await.unwrap();
    assert!(complaints.is_empty(), "{complaints:?}");
    let model = registry.open("m@1").await.unwrap().map_err(|error| error.to_string())?;
    assert_eq!(model.labels, ["a"]);
    Ok(model.manifest.weights.clone())
}

#[tokio::test(start_paused = true)]
async fn what_breaks_off_goes_on_where_it_was() {
    let weights: Vec<u8> = (0..1000).map(|byte| (byte % 251) as u8).collect();
    let shelf = Arc::new(Memory { breaks_after: Some(300), ..shelf(&weights) });
    let cache = cache("resumed");
    let file = open(&shelf, &cache, LIMITS).await.unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), weights);
    let asked = shelf.asked.lock().unwrap().clone();
    let from: Vec<u64> = asked.into_iter().filter(|(path, _)| path == "m/1/model.pt").map(|(_, from)| from).collect();
    assert_eq!(from, [0, 300, 600, 900]);
    let left: Vec<_> =
        std::fs::read_dir(file.parent().unwrap()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");

    // Another start finds it.
    shelf.asked.lock().unwrap().clear();
    open(&shelf, &cache, LIMITS).await.unwrap();
    assert!(shelf.asked.lock().unwrap().iter().all(|(path, _)| path != "m/1/model.pt"));
    // A file that was spoilt is fetched anew.
    std::fs::write(&file, b"spoilt").unwrap();
    open(&shelf, &cache, LIMITS).await.unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), weights);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_the_one_that_was_named_is_never_there() {
    let mut wrong = shelf(b"right");
    wrong.files.insert("m/1/model.pt".to_owned(), b"wrong".to_vec());
    let cache = cache("wrong");
    let error = open(&Arc::new(wrong), &cache, LIMITS).await.unwrap_err();
    assert!(error.contains("found sha256") && error.contains("memory://"), "{error}");
    assert!(!cache.join("m/1/model.pt").exists() && !cache.join("m/1/model.pt.part").exists());
}

#[tokio::test(start_paused = true)]
async fn sizes_and_times_are_bounded() {
    let limits = FetchLimits { max_bytes: 4, ..LIMITS };
    let error = open(&Arc::new(shelf(b"right")), &cache("large"), limits).await.unwrap_err();
    assert!(error.contains("larger than 4 bytes"), "{error}");

    let away = Arc::new(shelf(b"right"));
    let (registry, _) =
        Registry::scan_shelf(Arc::clone(&away) as Arc<dyn Shelf>, &cache("away"), LIMITS).await.unwrap();
    away.away.store(usize::MAX, Ordering::SeqCst);
    let error = registry.open("m@1").await.unwrap().err().unwrap().to_string();
    assert!(error.contains("not fetched within 60 s"), "{error}");
    // What failed is tried again, but not by everybody who waits for it.
    away.away.store(0, Ordering::SeqCst);
    let asked = away.asked.lock().unwrap().len();
    assert!(registry.open("m@1").await.unwrap().is_err());
    assert_eq!(away.asked.lock().unwrap().len(), asked);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(registry.open("m@1").await.unwrap().is_ok());
}

#[tokio::test]
async fn a_wrong_manifest_costs_its_own_model_only() {
    let mut shelf = shelf(b"right");
    for (path, text) in [
        ("m/2/model.toml", manifest("2", "")),
        ("m/3/model.toml", manifest("4", "")),
        ("m/5/model.toml", "rubbish".to_owned()),
        ("../6/model.toml", manifest("6", "")),
    ] {
        shelf.files.insert(path.to_owned(), text.into_bytes());
    }
    let (registry, complaints) = Registry::scan_shelf(Arc::new(shelf), &cache("manifests"), LIMITS).await.unwrap();
    assert_eq!(registry.manifests().count(), 1);
    let texts: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("weights.sha256: missing")), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("names that are not allowed")), "{texts:?}");
    assert!(texts.iter().all(|text| text.starts_with("memory://")), "{texts:?}");
}

#[tokio::test]
async fn jobs_whose_model_cannot_be_had_come_back_later_and_hold_up_nobody() {
    let mut world = World::new();
    world.visibility = Duration::from_millis(1500);
    let away = Arc::new(shelf(b"right"));
    let limits = FetchLimits { timeout: Duration::from_millis(300), ..LIMITS };
    let cache = cache("postponed");
    let (mut registry, _) = Registry::scan_shelf(Arc::clone(&away) as Arc<dyn Shelf>, &cache, limits).await.unwrap();
    registry.insert(parsed(&doubler("1")));
    away.away.store(usize::MAX, Ordering::SeqCst);
    let of_m = |number: u64| {
        let mut message = job(number, &format!("[{number}, 1]"));
        "m".clone_into(&mut message.model);
        message
    };
    // More than may wait for a model, and more than the lane has places.
    let held_up: Vec<JobMessage> = (1..=100).map(of_m).collect();
    let other = job(200, "[4, 1]");
    held_up.iter().chain([&other]).for_each(|message| world.send(message));
    let devices = Devices::one(DeterministicEngine::default());
    let worker = world.start_from(Arc::clone(&world.store) as Arc<dyn Store>, registry, devices);
    let events = |message: &JobMessage| world.edge.events_of(message.job_id);
    let back = |message: &JobMessage| events(message).iter().any(|event| matches!(event, EventKind::Returned { .. }));
    let stored = || world.store.keys().contains(&storage_key::result(&other.digest));
    eventually("another model's job goes on while they wait", stored).await;
    eventually("they are handed back", || held_up.iter().all(back) && world.queue.len() == held_up.len()).await;
    tokio::time::sleep(world.visibility * 2).await;
    for message in &held_up {
        let back = EventKind::Returned { again_ms: Some(30_000) };
        assert_eq!(events(message), [EventKind::Received, back], "once, and not at once again");
    }
    worker.drain().await;
    let page = world.vitals.metrics.encode();
    let line = "forebay_model_load_failures_total{model=\"m@1\",cause=\"time\"} 1";
    assert!(page.contains(line), "tries are counted, not jobs: {page}");
    let failed = world.store.keys().into_iter().find(|key| key.starts_with("failures/"));
    assert_eq!(failed, None, "none of them failed");
}

/// A right that is missing, a file that is not there yet: mended without the jobs, which must not pay for it.
#[tokio::test]
async fn a_shelf_that_refuses_fails_no_job() {
    let world = World::new();
    let mut refusing = shelf(b"right");
    refusing.files.remove("m/1/model.pt");
    let cache = cache("refusing");
    let (registry, _) = Registry::scan_shelf(Arc::new(refusing) as Arc<dyn Shelf>, &cache, LIMITS).await.unwrap();
    let mut message = job(1, "[1, 1]");
    "m".clone_into(&mut message.model);
    world.send(&message);
    let devices = Devices::one(DeterministicEngine::default());
    let worker = world.start_from(Arc::clone(&world.store) as Arc<dyn Store>, registry, devices);
    let back = || world.edge.events_of(message.job_id).iter().any(|event| matches!(event, EventKind::Returned { .. }));
    eventually("it is handed back", || back() && world.queue.len() == 1).await;
    let hindrances = world.vitals.health.hindrances().join(" ");
    assert!(hindrances.contains("model m@1 cannot be run here") && hindrances.contains("no such file"), "{hindrances}");
    worker.drain().await;
    assert_eq!(world.store.keys(), [storage_key::attempts(&message.job_id)]);
}

#[tokio::test]
async fn a_part_that_is_whole_needs_nothing_more_of_s3() {
    let toml = shelf(b"right").files["m/1/model.toml"].clone();
    let server = HttpServer::start(move |asked| match (asked.path.as_str(), asked.header("range")) {
        ("/b/" | "/b", _) => {
            (200, "<ListBucketResult><Contents><Key>m/1/model.toml</Key></Contents></ListBucketResult>".to_owned())
        }
        ("/b/m/1/model.toml", _) => (200, String::from_utf8(toml.clone()).unwrap()),
        ("/b/m/1/labels.json", _) => (200, "[\"a\"]".to_owned()),
        ("/b/m/1/model.pt", Some("bytes=5-")) => (416, String::new()),
        ("/b/m/1/model.pt", None) => (200, "right".to_owned()),
        _ => (404, String::new()),
    })
    .await;
    for (name, part, well) in [("whole", "right", true), ("another", "wrong", false)] {
        let cache = cache(name);
        let config = emulated_aws::config(&server.url()).await;
        let shelf = S3Shelf::at("s3://b", || aws::s3(&config)).unwrap();
        let (registry, complaints) = Registry::scan_shelf(Arc::new(shelf), &cache, LIMITS).await.unwrap();
        assert!(complaints.is_empty(), "{complaints:?}");
        std::fs::write(cache.join("m/1/model.pt.part"), part).unwrap();
        let opened = registry.open("m@1").await.unwrap().map(|model| std::fs::read(&model.manifest.weights).unwrap());
        assert_eq!(opened.ok(), well.then(|| b"right".to_vec()), "{name}");
    }
}
