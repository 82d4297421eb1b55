//! Events, also over connections that break.

use serde_json::Value;

use crate::{
    played::{Played, Reply, job},
    program::{forebay, output},
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
