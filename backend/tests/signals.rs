//! The worker itself, as its supervisor sees it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod http_server;
mod world;

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use http_server::HttpServer;
use serde_json::json;
use world::{eventually, job, manifests::doubler};

/// Queues and a bucket that bring one job over these numbers; the bucket holds nothing.
async fn cloud(numbers: &str) -> HttpServer {
    let body = job(1, numbers).to_json().unwrap();
    let message = json!({ "MessageId": "1", "ReceiptHandle": "r", "Body": body });
    let brought = AtomicBool::new(false);
    HttpServer::start(move |asked| {
        // Polls are long.
        std::thread::sleep(Duration::from_millis(50));
        if asked.path.starts_with("/b/results/") || asked.path.starts_with("/b/failures/") {
            return (if asked.body.is_empty() { 404 } else { 200 }, String::new());
        }
        let polls = asked.header("x-amz-target") == Some("AmazonSQS.ReceiveMessage");
        let first = polls && !brought.swap(true, Ordering::SeqCst);
        (200, if first { json!({ "Messages": [message] }).to_string() } else { "{}".to_owned() })
    })
    .await
}

/// The worker over them, with the test engine.
fn worker(cloud: &HttpServer, name: &str) -> Command {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(folder.join("doubler/1")).unwrap();
    std::fs::write(folder.join("doubler/1/model.toml"), doubler("1")).unwrap();
    let mut worker = Command::new(env!("CARGO_BIN_EXE_forebay-worker"));
    worker
        .args(["--engine", "test", "--bucket", "b", "--metadata-url", "off", "--models-dir"])
        .arg(&folder)
        .args(["--queue-url-prefix", &format!("{}/1/forebay", cloud.url())])
        .env("AWS_ENDPOINT_URL", cloud.url())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    worker
}

fn asked(cloud: &HttpServer, target: &str) -> bool {
    let target = format!("AmazonSQS.{target}");
    cloud.requests().iter().any(|asked| asked.header("x-amz-target") == Some(&target))
}

async fn end(worker: &mut Child) -> ExitStatus {
    let mut status = None;
    eventually("it has ended", || {
        status = worker.try_wait().unwrap();
        status.is_some()
    })
    .await;
    status.unwrap()
}

/// A job comes, and the collector of spans takes connections and never answers: a stop waits for it no longer than the
/// 30 seconds allow that supervisors wait, whatever was drained before.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_ends_well_and_in_time_on_sigterm() {
    let cloud = cloud("[1, 2]").await;
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    collector.set_nonblocking(true).unwrap();
    let mut worker = worker(&cloud, "signals")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.local_addr().unwrap()))
        .spawn()
        .unwrap();
    eventually("the job is acknowledged", || asked(&cloud, "DeleteMessageBatch")).await;
    let signaled = Instant::now();
    assert!(Command::new("kill").args(["-TERM", &worker.id().to_string()]).status().unwrap().success());
    let status = end(&mut worker).await;
    assert!(status.success(), "{status:?}");
    #[cfg(feature = "otlp")]
    assert!(collector.accept().is_ok(), "its spans were to be sent");
    assert!(signaled.elapsed() < Duration::from_secs(30), "{:?}", signaled.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_device_is_lost_hands_back_and_ends_with_75() {
    let cloud = cloud("[-999, 2]").await;
    let mut worker = worker(&cloud, "lost").spawn().unwrap();
    assert_eq!(end(&mut worker).await.code(), Some(75));
    assert!(asked(&cloud, "ChangeMessageVisibilityBatch") && !asked(&cloud, "DeleteMessageBatch"));
    let is_end = |path: &str| path.starts_with("/b/results/") || path.starts_with("/b/failures/");
    let mut stored = cloud.requests().into_iter().filter(|asked| !asked.body.is_empty() && is_end(&asked.path));
    assert!(stored.next().is_none(), "nothing is stored");
}
