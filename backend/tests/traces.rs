//! Where a collector is configured, it gets the spans of a job, in the trace that the edge began.
#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod http_server;
mod world;

use forebay_backend::logging::{self, Spans};
use http_server::{Asked, HttpServer};
use tracing_subscriber::filter::Targets;
use world::{World, eventually, job};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn holds(asked: &Asked, part: &[u8]) -> bool {
    asked.body.windows(part.len()).any(|window| window == part)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_a_jobs_spans_in_the_trace_of_its_edge() {
    let collector = HttpServer::start(|_| (200, String::new())).await;
    let spans = Spans::to(&collector.url(), "the-worker").unwrap();
    logging::start(Targets::new(), Some(&spans));

    let world = World::new();
    let worker = world.start();
    let mut message = job(1, "[1, 2]");
    message.traceparent = Some(format!("00-{TRACE_ID}-00f067aa0ba902b7-01"));
    world.send(&message);
    eventually("the job is acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    tokio::task::spawn_blocking(move || spans.flush()).await.unwrap();

    let asked = collector.requests();
    assert!(!asked.is_empty() && asked.iter().all(|asked| asked.path == "/v1/traces"));
    assert!(asked.iter().all(|asked| asked.header("content-type") == Some("application/x-protobuf")));
    // Strings and ids stand in protocol buffers as they are.
    let trace_id = hex::decode(TRACE_ID).unwrap();
    let job_id = message.job_id.to_string();
    for part in [&trace_id, job_id.as_bytes(), b"the-worker", b"store"] {
        assert!(asked.iter().any(|asked| holds(asked, part)), "{}", String::from_utf8_lossy(part));
    }
}
