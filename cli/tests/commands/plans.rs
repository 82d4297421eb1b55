//! What a submission would come to.

use serde_json::json;

use crate::{
    played::{Played, Reply, job},
    program::{Folder, forebay, output},
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

fn planned() -> Reply {
    let wait = json!({"expected_ms": 1, "most_ms": 2});
    Reply::json(
        200,
        &json!({"decision": "accept", "model": "m", "version": "1", "lane": "paid-light", "cost_ms": 40, "wait": wait}),
    )
}

/// More than a service takes as JSON, and no more than it takes.
fn large() -> Vec<u8> {
    [PNG, &vec![7; 9_000_000]].concat()
}

#[test]
fn a_picture_is_planned_as_it_would_be_submitted() {
    let played = Played::start(|request| match request.line.split('?').next().unwrap() {
        "POST /v1/models/m/plan" => planned(),
        "POST /v1/models/m/jobs" => Reply::json(202, &job("job_1", "queued")),
        "POST /v1/plan" => planned(),
        line => panic!("{line}"),
    });
    let folder = Folder::new();
    let picture = folder.write("large.png", large());
    let asked = ["m", &picture, "-p", "top_k=3", "--strict", "--model-version", "1"];
    let shown = output(forebay(&played, &[&["plan"], &asked[..]].concat()), 0);
    assert!(shown.contains("accept    m@1    paid-light  40 ms  about 1 ms, at most 2 ms\n"), "{shown}");
    output(forebay(&played, &[&["submit"], &asked[..]].concat()), 0);
    let requests = played.requests();
    let [plan, submission] = &requests[..] else { panic!("{:?}", played.lines()) };
    assert_eq!(plan.line.replace("/plan", "/jobs"), submission.line);
    assert!(plan.body == large() && submission.body == large());
    for name in ["content-type", "prefer", "x-model-version", "authorization"] {
        assert!(plan.header(name).is_some() && plan.header(name) == submission.header(name), "{name}");
    }
    output(forebay(&played, &["plan", "m", "--text", "a", "--deadline", "1h"]), 0);
    assert_eq!(played.lines()[2], "POST /v1/plan");
    assert!(played.requests()[2].json()["deadline_ms"].is_u64());
}

#[test]
fn an_older_service_plans_a_picture_in_json() {
    for refusal in [
        Reply::problem(404, "route-not-found", false),
        Reply::problem(405, "method-not-allowed", false),
        Reply::of(404, "text/html", b"<html>"),
    ] {
        let played = Played::start(move |request| match request.line.as_str() {
            "POST /v1/plan" => planned(),
            _ => refusal.clone(),
        });
        let folder = Folder::new();
        let picture = folder.write("a.png", PNG);
        output(forebay(&played, &["plan", "m", &picture]), 0);
        assert_eq!(played.lines(), ["POST /v1/models/m/plan", "POST /v1/plan"]);
        assert_eq!(played.requests()[1].json()["input"]["image"], "iVBORw0KGgo=");
    }
    let played = Played::start(|_| Reply::problem(404, "model-not-found", false));
    let folder = Folder::new();
    output(forebay(&played, &["plan", "m", &folder.write("a.png", PNG)]), 1);
    assert_eq!(played.lines().len(), 1);
}
