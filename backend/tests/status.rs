//! A worker says over HTTP whether it is alive and ready and what it measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod world;

use std::{net::SocketAddr, sync::Arc};

use forebay_backend::{Vitals, status::StatusServer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use world::{World, eventually, job};

async fn serve(vitals: &Arc<Vitals>) -> SocketAddr {
    let server = StatusServer::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = server.address().unwrap();
    tokio::spawn(server.run(Arc::clone(vitals)));
    address
}

/// The status and everything after the head, as a stranger's client sees them.
async fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{request} HTTP/1.1\r\nhost: worker\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_shows_what_a_job_went_through() {
    let world = World::new();
    let worker = world.start();
    let (good, bad) = (job(1, "[1, 2]"), job(2, "[-666, 1]"));
    world.send(&good);
    world.send(&bad);
    eventually("both are acknowledged", || world.queue.is_empty()).await;
    let vitals = Arc::clone(&world.vitals);
    eventually("both are counted", || vitals.metrics.encode().contains("outcome=\"failed\"} 1")).await;

    let (status, page) = ask(serve(&world.vitals).await, "GET /metrics").await;
    assert_eq!(status, 200);
    for name in [
        "queue_wait_seconds_count{lane=\"free-light\"} 2",
        "batch_wait_seconds_count{model=\"doubler@1\"} 2",
        "infer_seconds_count{model=\"doubler@1\"}",
        "store_seconds_count{call=\"put\",outcome=\"ok\"} 2",
        "e2e_seconds_count{model=\"doubler@1\",outcome=\"succeeded\"} 1",
        "batch_jobs_bucket{le=\"1.0\",model=\"doubler@1\"}",
        "batch_cost_seconds_count{model=\"doubler@1\"}",
        "batch_padding_ratio_count{model=\"doubler@1\"}",
        "cost_error_ratio_count{model=\"doubler@1\"}",
        "device_busy_seconds_total",
        "failures_total{model=\"doubler@1\",code=\"execution-failed\"} 1",
        "queue_calls_total{lane=\"free-light\",call=\"receive\",outcome=\"ok\"}",
        "reports_total{outcome=\"arrived\"}",
        "model_memory_bytes{model=\"doubler@1\",device=\"test\"}",
    ] {
        assert!(page.contains(&format!("forebay_{name}")), "{name} in\n{page}");
    }
    assert!(page.ends_with("# EOF\n"));
    worker.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_ready_from_its_first_poll_until_it_drains_and_alive_all_the_time() {
    let world = World::new();
    let address = serve(&world.vitals).await;
    assert_eq!(ask(address, "GET /readyz").await, (503, "{\"because\":[\"starting\"],\"ready\":false}\n".to_owned()));
    let worker = world.start();
    let vitals = Arc::clone(&world.vitals);
    eventually("the lane is polled", || vitals.health.hindrances().is_empty()).await;
    assert_eq!(ask(address, "GET /readyz").await.0, 200);
    worker.drain().await;
    let (status, body) = ask(address, "GET /readyz").await;
    assert!(status == 503 && body.contains("draining"), "{status} {body}");
    assert_eq!(ask(address, "GET /healthz").await, (200, "{\"alive\":true,\"because\":[]}\n".to_owned()));
    world.vitals.health.broke("the device hangs");
    assert_eq!(ask(address, "GET /healthz").await.0, 503);
}

#[tokio::test]
async fn nothing_else_is_answered() {
    let address = serve(&Arc::default()).await;
    assert_eq!(ask(address, "POST /healthz").await.0, 405);
    assert_eq!(ask(address, "GET /").await.0, 404);
    assert_eq!(ask(address, "HEAD /healthz").await, (200, String::new()));
}
