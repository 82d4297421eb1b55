//! The report secret: given, or read by its name from Secrets Manager.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod emulated_aws;
mod http_server;

use clap::Parser as _;
use forebay_backend::{
    report_secret::{self, ReportSecretError},
    settings::Settings,
};
use http_server::HttpServer;
use serde_json::{Value, json};

const NAMED: [&str; 2] = ["--report-secret-id", "forebay/report-secret"];

fn settings(more: &[&str]) -> Settings {
    Settings::try_parse_from([&["forebay-worker", "--bucket", "b"], more].concat()).unwrap()
}

/// What comes of these settings where Secrets Manager answers so, and what it was asked.
async fn found(more: &[&str], status: u16, answer: Value) -> (Result<Option<String>, ReportSecretError>, Vec<Value>) {
    let server = HttpServer::start(move |_| (status, answer.to_string())).await;
    let config = emulated_aws::config(&server.url()).await;
    let found = report_secret::find(&settings(more), &config).await;
    let asked = server.requests().into_iter().map(|asked| {
        assert_eq!(asked.header("x-amz-target"), Some("secretsmanager.GetSecretValue"));
        serde_json::from_slice(&asked.body).unwrap()
    });
    (found, asked.collect())
}

#[tokio::test]
async fn a_named_secret_is_read_without_the_new_line_of_its_file() {
    let (found, asked) = found(&NAMED, 200, json!({"SecretString": "a-secret-of-the-edge-of-32-letters\n"})).await;
    assert_eq!(found.unwrap().as_deref(), Some("a-secret-of-the-edge-of-32-letters"));
    assert_eq!(asked, [json!({"SecretId": "forebay/report-secret"})]);
}

#[tokio::test]
async fn a_secret_that_is_given_or_none_at_all_asks_nobody() {
    let given = [&NAMED[..], &["--report-secret", "given"]].concat();
    for (more, expect) in [(given.as_slice(), Some("given")), (&[], None)] {
        let (found, asked) = found(more, 500, json!({})).await;
        assert_eq!((found.unwrap().as_deref(), asked.len()), (expect, 0), "{more:?}");
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_had_is_named_with_what_is_allowed() {
    for (status, answer, says) in [
        (400, json!({"__type": "ResourceNotFoundException", "message": "no such secret"}), "no such secret"),
        (400, json!({"__type": "AccessDeniedException", "message": "not you"}), "secretsmanager:GetSecretValue"),
        (200, json!({"SecretString": "short"}), "holds 5 characters"),
        (200, json!({"SecretBinary": "AAAA"}), "holds no text"),
        (200, json!({"SecretString": "\n"}), "holds no text"),
    ] {
        let (found, _) = found(&NAMED, status, answer).await;
        let error = found.unwrap_err().to_string();
        assert!(error.starts_with("report_secret_id: forebay/report-secret ") && error.contains(says), "{error}");
    }
}
