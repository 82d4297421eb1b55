//! What S3 has not is told apart from a bucket that is not there: only «there is no such key» is absence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod emulated_aws;
mod http_server;

use forebay_backend::{
    aws,
    store::{Head, S3Store, Store as _, StoreError, find_result},
};
use http_server::HttpServer;

async fn bucket(server: &HttpServer) -> S3Store {
    S3Store::new(aws::s3(&emulated_aws::config(&server.url()).await), "a-bucket")
}

/// What a bucket that answers everything with such a 404 says of a result: by looking, by reading, by renewing.
async fn answers_to(body: &str) -> [Result<(), StoreError>; 4] {
    let body = body.to_owned();
    let server = HttpServer::start(move |_| (404, body.clone())).await;
    let store = bucket(&server).await;
    let absent = |found: Option<Head>| assert_eq!(found, None);
    let head = Head { bytes: 1, media_type: "image/png".to_owned(), made: None, age_ms: None };
    [
        store.head("results/ab/none").await.map(absent),
        find_result(&store, "results/ab/none").await.map(absent),
        store.get("inputs/none", 100).await.map(drop),
        store.renew("results/ab/none", &head).await,
    ]
}

#[tokio::test]
async fn only_no_such_key_is_absence() {
    let error = |code: &str| format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>");
    let [looked, found, read, renewed] = answers_to(&error("NoSuchKey")).await;
    assert!(looked.is_ok() && found.is_ok());
    for missing in [read, renewed] {
        assert!(matches!(missing, Err(StoreError::Missing)), "{missing:?}");
    }
    for body in [error("NoSuchBucket"), error("NoSuchUpload"), String::new(), "<html>not here</html>".to_owned()] {
        for answer in answers_to(&body).await {
            assert!(matches!(answer, Err(StoreError::Refused(_))), "{body}: {answer:?}");
        }
    }
}
