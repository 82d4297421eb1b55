//! The Lambda functions in cargo-lambda's emulator, against real queues and a real bucket. Runs only when it is named:
//! `FOREBAY_TEST_LOCALSTACK=http://127.0.0.1:4566 cargo test -p forebay-backend --test lambda`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod cloud;
#[path = "../emulated_aws/mod.rs"]
mod emulated_aws;
mod emulator;
#[path = "../http_server/mod.rs"]
mod http_server;
#[path = "../world/mod.rs"]
mod world;

use cloud::Cloud;
use emulator::Function;
use forebay_contract::{EventKind, FailureCode, JobFailure, Report, SIGNATURE_HEADER, storage_key, verify};
use http_server::HttpServer;
use serde_json::json;
use world::{job, manifests::doubler};

const SECRET: &str = "a secret that edge and functions share";
const REAPER: &str = env!("CARGO_BIN_EXE_forebay-lambda-reaper");
const WORKER: &str = env!("CARGO_BIN_EXE_forebay-lambda-worker");

/// An edge that keeps the reports whose signature is right, and cancels nothing.
async fn edge() -> HttpServer {
    HttpServer::start(|request| {
        let signature = request.header(SIGNATURE_HEADER).unwrap_or_default();
        let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
        match verify(&[SECRET], now_ms, signature, &request.body) {
            Ok(()) => (200, json!({ "canceled": [] }).to_string()),
            Err(_) => (401, String::new()),
        }
    })
    .await
}

fn events(edge: &HttpServer) -> Vec<(u32, EventKind)> {
    let reports = edge.requests().into_iter().filter(|request| request.path == forebay_contract::report::PATH);
    let reports = reports.map(|request| serde_json::from_slice::<Report>(&request.body).unwrap());
    reports.flat_map(|report| report.events).map(|event| (event.attempt, event.kind)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_ends_as_a_stored_and_signed_failure() {
    let (cloud, edge) = (Cloud::new().await, edge().await);
    let (lost, answered) = (job(1, "[1, 2]"), job(2, "[3, 4]"));
    cloud.put(&storage_key::result(&answered.digest), b"[6.0,8.0]").await;
    cloud.bury(&[lost.to_json().unwrap(), answered.to_json().unwrap(), "this is no job".to_owned()]).await;

    let environment = cloud.environment(&edge.url(), SECRET);
    let reaper = Function::start("forebay-lambda-reaper", REAPER, &environment).await;
    let letters = cloud.receive(&cloud.dead_url, 3).await;
    let again = reaper.answer(&letters).await;
    assert_eq!(again, [""; 0]);
    cloud.delete(&cloud.dead_url, &letters, &again).await;

    let failure: JobFailure = serde_json::from_slice(&cloud.get(&storage_key::failure(&lost.job_id)).await).unwrap();
    assert_eq!((failure.job_id, failure.code), (lost.job_id, FailureCode::Abandoned));
    assert!(!cloud.has(&storage_key::failure(&answered.job_id)).await, "its result is there");
    let unreadable = letters.iter().find(|letter| letter.body == "this is no job").unwrap();
    assert_eq!(cloud.get(&storage_key::unreadable(&unreadable.id)).await, b"this is no job");
    let reported = events(&edge);
    assert_eq!(reported.len(), 2, "{reported:?}");
    assert!(reported.iter().all(|(attempt, _)| *attempt >= 5), "no attempt that a worker began is newer: {reported:?}");
    let failed = |kind: &EventKind| matches!(kind, EventKind::Failed { code: FailureCode::Abandoned, .. });
    assert!(reported.iter().any(|(_, kind)| failed(kind)), "{reported:?}");
    assert!(reported.iter().any(|(_, kind)| matches!(kind, EventKind::Succeeded { .. })), "{reported:?}");
    assert!(cloud.is_empty(&cloud.dead_url).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_cannot_be_stored_comes_again() {
    let (cloud, edge) = (Cloud::new().await, edge().await);
    cloud.bury(&[job(1, "[1, 2]").to_json().unwrap()]).await;
    let mut environment = cloud.environment(&edge.url(), SECRET);
    environment.push(("FOREBAY_BUCKET".to_owned(), "no-such-bucket-of-ours".to_owned()));
    let reaper = Function::start("forebay-lambda-reaper", REAPER, &environment).await;
    let letters = cloud.receive(&cloud.dead_url, 1).await;
    let again = reaper.answer(&letters).await;
    assert_eq!(again, [letters[0].id.clone()]);
    assert!(events(&edge).is_empty(), "nothing is reported of what is not stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_runs_what_it_is_brought_and_names_what_must_come_again() {
    let (cloud, edge) = (Cloud::new().await, edge().await);
    let models = std::env::temp_dir().join(format!("{}-models", cloud.bucket));
    std::fs::create_dir_all(models.join("doubler/1")).unwrap();
    std::fs::write(models.join("doubler/1/model.toml"), doubler("1")).unwrap();
    let mut environment = cloud.environment(&edge.url(), SECRET);
    for (name, value) in [("FOREBAY_MODELS_DIR", models.to_str().unwrap()), ("FOREBAY_ENGINE", "test")] {
        environment.push((name.to_owned(), value.to_owned()));
    }
    let worker = Function::start("forebay-lambda-worker", WORKER, &environment).await;

    // Two events: the pipeline lives on between them.
    for round in [0, 10] {
        let (good, poison) = (job(round + 1, &format!("[{round}, 2]")), job(round + 2, "[-666, 1]"));
        cloud.send(&[good.to_json().unwrap(), poison.to_json().unwrap(), "this is no job".to_owned()]).await;
        let messages = cloud.receive(&cloud.lane_url, 3).await;
        let unreadable = messages.iter().find(|message| message.body == "this is no job").unwrap();
        let again = worker.answer(&messages).await;
        assert_eq!(again, std::slice::from_ref(&unreadable.id), "round {round}");
        cloud.delete(&cloud.lane_url, &messages, &[]).await;
        assert!(cloud.has(&storage_key::result(&good.digest)).await);
        assert!(cloud.has(&storage_key::failure(&poison.job_id)).await);
        let ends = |kind: &EventKind| matches!(kind, EventKind::Succeeded { .. } | EventKind::Failed { .. });
        let reported = events(&edge).iter().filter(|(_, kind)| ends(kind)).count();
        assert_eq!(reported, if round == 0 { 2 } else { 4 }, "reports are out before the answer");
    }
    let _ = std::fs::remove_dir_all(models);
}
