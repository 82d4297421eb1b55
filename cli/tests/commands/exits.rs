//! Exit codes, refusals and retries.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::json;

use crate::{
    played::{Played, Reply, job},
    program::{Folder, bare, expect, forebay, output},
};

#[test]
fn scripts_can_tell_how_it_ended() {
    let played = Played::start(|request| match request.line.as_str() {
        "GET /v1/jobs/job_failed" | "GET /v1/jobs/job_failed?wait=30" => {
            let mut failed = job("job_failed", "failed");
            failed["failure"] = json!({"code": "image-undecodable", "detail": "it is cut", "retryable": false});
            Reply::json(200, &failed)
        }
        line if line.starts_with("GET /v1/jobs/job_running") => Reply::json(200, &job("job_running", "running")),
        "GET /v1/quota" => Reply::problem(401, "invalid-credentials", false),
        "GET /v1/models" => Reply::of(200, "text/html", b"<html>"),
        _ => Reply::problem(404, "job-not-found", false),
    });
    let folder = Folder::new();
    let empty = folder.path("").display().to_string();
    for (arguments, code, why) in [
        (&["wait", "job_failed"][..], 1, "job_failed failed: it is cut (image-undecodable)"),
        (&["get", "job_failed"], 0, ""),
        (&["get", "job_none"], 1, "No: do otherwise (job-not-found, request r1)"),
        (&["get", "job_none", "job_failed"], 1, "forebay: job_none: No"),
        (&["quota"], 1, "invalid-credentials"),
        (&["models"], 3, "not JSON"),
        (&["wait", "job_running", "--timeout", "0"], 4, "`forebay wait job_running`"),
        (&["get", "../quota"], 2, "no job id"),
        (&["submit", "m", "/nowhere/cat.png"], 2, "no such file"),
        (&["submit", "m", &empty], 2, "folders are searched for .png"),
        (&["submit", "m", &empty, "--kind", "text"], 2, "name the files themselves"),
        (&["submit", "m", "-p", "top_k"], 2, "name=value"),
        (&["submit", "m", "--profile", "none"], 2, "no profile"),
    ] {
        let output = forebay(&played, arguments).output().unwrap();
        expect(&output, code);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(why), "{arguments:?}: {stderr}");
    }
    let unreached = output(bare(&["quota", "--url", "http://127.0.0.1:9", "--patience", "0"]), 3);
    assert_eq!(unreached, "");
    assert_eq!(output(bare(&["quota"]), 2), "");
}

#[test]
fn what_is_refused_for_a_while_is_asked_again_under_the_same_key_and_not_earlier_than_named() {
    let count = AtomicUsize::new(0);
    let played = Played::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::problem(429, "rate-limited", true).with("retry-after", "1"),
        1 => Reply::of(502, "text/html", b"bad gateway"),
        _ => Reply::json(202, &job("job_1", "queued")),
    });
    let shown = output(forebay(&played, &["submit", "m", "--text", "hello"]), 0);
    assert_eq!(shown, "ID     INPUT   STATUS\njob_1  text 1  queued\n");
    let requests = played.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[1].at - requests[0].at >= Duration::from_secs(1));
    let keys: Vec<_> = requests.iter().map(|request| request.header("idempotency-key").unwrap()).collect();
    assert!(keys[0] == keys[1] && keys[1] == keys[2] && keys[0].len() == 64, "{keys:?}");
    assert_eq!(requests[0].json(), json!({"model": "m", "input": {"text": "hello"}}));
    assert_eq!(requests[0].header("authorization"), Some("Bearer fb_test"));
}

#[test]
fn patience_ends() {
    let played = Played::start(|_| Reply::problem(429, "rate-limited", true).with("retry-after", "86400"));
    for arguments in
        [&["quota"][..], &["submit", "m", "--text", "a"], &["submit", "m", "--text", "a", "--text", "b", "--wait"]]
    {
        let output = forebay(&played, arguments).output().unwrap();
        expect(&output, 1);
        assert!(String::from_utf8_lossy(&output.stderr).contains("rate-limited"), "{output:?}");
    }
}

#[test]
fn an_answer_that_was_lost_does_not_retry_twice_and_is_asked_for_again_where_that_is_the_same() {
    let count = AtomicUsize::new(0);
    let played = Played::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => Reply::of(502, "text/html", b"bad gateway"),
        _ => Reply::json(200, &job("job_1", "canceled")),
    });
    output(forebay(&played, &["retry", "job_1"]), 1);
    output(forebay(&played, &["cancel", "job_1"]), 0);
    let cancel = "POST /v1/jobs/job_1/cancel";
    assert_eq!(played.lines(), ["POST /v1/jobs/job_1/retry", cancel, cancel]);
}
