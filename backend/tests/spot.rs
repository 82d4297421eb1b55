//! A Spot interruption notice is found in instance metadata, version 2: with a token, or not at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod http_server;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use forebay_backend::spot::SpotWatch;
use http_server::{Asked, HttpServer};
use tokio::time::timeout;

const NOTICE: &str = r#"{"action": "terminate", "time": "2026-09-18T08:22:00Z"}"#;

/// Says nothing of an interruption until it was asked `times` times.
async fn metadata(times: u32) -> HttpServer {
    let asked = AtomicU32::new(0);
    HttpServer::start(move |request: &Asked| match request.path.as_str() {
        "/latest/api/token" => (200, "the-token".to_owned()),
        _ if request.header("x-aws-ec2-metadata-token") != Some("the-token") => (401, String::new()),
        "/latest/meta-data/spot/instance-action" if asked.fetch_add(1, Ordering::Relaxed) >= times => {
            (200, NOTICE.to_owned())
        }
        _ => (404, String::new()),
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_found_when_it_comes() {
    let metadata = metadata(1).await;
    let watch = SpotWatch::at(&metadata.url()).unwrap().unwrap();
    let notice = timeout(Duration::from_secs(60), watch.notice()).await.unwrap();
    assert_eq!((notice.action.as_str(), notice.time.as_str()), ("terminate", "2026-09-18T08:22:00Z"));
    assert!(metadata.requests().iter().any(|request| request.path == "/latest/api/token"));
}

#[test]
fn metadata_can_be_left_alone_and_a_wrong_address_is_named() {
    assert!(SpotWatch::at("off").unwrap().is_none());
    let error = SpotWatch::at("169.254.169.254").unwrap_err().to_string();
    assert!(error.starts_with("metadata_url: found 169.254.169.254"), "{error}");
}
