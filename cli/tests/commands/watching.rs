//! Events, also over connections that break, and of many jobs over one.

use serde_json::{Value, json};

use crate::{
    played::{Played, Reply, job},
    program::{expect, forebay, output},
    sockets::{Sockets, news},
};

fn events(events: &[(u32, &str)]) -> Reply {
    let event = |(id, status): &(u32, &str)| format!("id: {id}\nevent: {status}\ndata: {}\n\n", job("job_1", status));
    let body: String = events.iter().map(event).collect();
    Reply::of(200, "text/event-stream", format!(": keep-alive\n\n{body}").as_bytes())
}

#[test]
fn events_go_on_where_a_connection_broke() {
    let played = Played::start(|request| {
        assert_eq!(request.line, "GET /v1/jobs/job_1/events");
        assert_eq!(request.header("accept"), Some("text/event-stream"));
        match request.header("last-event-id") {
            None => events(&[(1, "queued"), (2, "running")]),
            Some("2") => Reply::problem(503, "internal", true).with("retry-after", "0"),
            Some(other) => panic!("{other}"),
        }
    });
    let watching = forebay(&played, &["watch", "job_1", "--patience", "1s"]).output().unwrap();
    assert_eq!(String::from_utf8(watching.stdout).unwrap(), "job_1  queued\njob_1  running\n");
    assert_eq!(watching.status.code(), Some(1), "the last refusal says why");

    let played = Played::start(|request| match request.header("last-event-id") {
        None => events(&[(1, "queued"), (2, "running")]),
        Some(_) => events(&[(3, "succeeded")]),
    });
    let shown = output(forebay(&played, &["watch", "job_1", "--json"]), 0);
    let names: Vec<_> =
        shown.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone()).collect();
    assert_eq!(names, ["queued", "running", "succeeded"]);
}

#[test]
fn watching_ends_as_the_job_does() {
    let played = Played::start(|_| events(&[(1, "queued"), (2, "canceled")]));
    assert_eq!(output(forebay(&played, &["watch", "job_1"]), 1), "job_1  queued\njob_1  canceled\n");
    let played = Played::start(|_| Reply::problem(404, "route-not-found", false));
    assert_eq!(output(forebay(&played, &["watch", "job_1"]), 1), "");
}

#[test]
fn many_jobs_are_watched_over_one_connection_that_is_made_again() {
    let sockets = Sockets::start(2, |number| match number {
        0 => vec![news("job_1", 1, "queued"), news("job_2", 2, "running"), news("job_1", 3, "succeeded")],
        _ => vec![news("job_2", 2, "running"), news("job_2", 3, "succeeded")],
    });
    let shown = output(sockets.forebay(&["watch", "job_1", "job_2", "job_1"]), 0);
    assert_eq!(shown, "job_1  queued\njob_2  running\njob_1  succeeded\njob_2  succeeded\n");
    assert_eq!(sockets.wishes(), [json!({"watch": ["job_1", "job_2"]}), json!({"watch": ["job_2"]})]);
}

#[test]
fn a_job_that_is_not_there_does_not_keep_others_from_being_watched() {
    let sockets = Sockets::start(1, |_| {
        let problem = json!({"title": "There is no such job", "code": "job-not-found", "status": 404, "detail": ""});
        let refused = json!({"type": "error", "problem": problem, "job": "job_2"});
        vec![refused, news("job_1", 1, "running"), news("job_1", 2, "succeeded")]
    });
    let watched = sockets.forebay(&["watch", "job_1", "job_2", "--json"]).output().unwrap();
    expect(&watched, 1);
    assert_eq!(String::from_utf8(watched.stdout).unwrap().lines().count(), 2);
    let stderr = String::from_utf8(watched.stderr).unwrap();
    assert_eq!(stderr, "forebay: job_2: There is no such job (job-not-found)\n");
}

#[test]
fn without_sockets_each_job_has_its_stream() {
    let sse = |id: &str| format!("id: 1\nevent: succeeded\ndata: {}\n\n", job(id, "succeeded"));
    for refusal in [Reply::problem(426, "upgrade-required", false), Reply::of(200, "text/html", b"<html>")] {
        let played = Played::start(move |request| match request.line.as_str() {
            "GET /v1/events" => refusal.clone(),
            "GET /v1/jobs/job_1/events" => Reply::of(200, "text/event-stream", sse("job_1").as_bytes()),
            "GET /v1/jobs/job_2/events" => Reply::problem(404, "job-not-found", false),
            line => panic!("{line}"),
        });
        let watched = forebay(&played, &["watch", "job_1", "job_2"]).output().unwrap();
        expect(&watched, 1);
        assert_eq!(String::from_utf8(watched.stdout).unwrap(), "job_1  succeeded\n");
        assert!(String::from_utf8_lossy(&watched.stderr).starts_with("forebay: job_2: No"), "{:?}", watched.stderr);
    }
    let refused = Played::start(|_| Reply::problem(401, "invalid-credentials", false));
    output(forebay(&refused, &["watch", "job_1", "job_2"]), 1);
    assert_eq!(refused.lines(), ["GET /v1/events"]);
}
