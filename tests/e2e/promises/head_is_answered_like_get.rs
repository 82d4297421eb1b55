//! `HEAD` is answered wherever `GET` is: the same status and header fields, no body, and nothing is opened.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{
    client::{Answer, Request, id, poll},
    stack::{ADMIN_TOKEN, Hall, words},
};

/// Another each time, or of the connection alone.
const OWN: [&str; 8] = [
    "x-request-id",
    "date",
    "server-timing",
    "age",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-encoding",
];

pub fn check(hall: &Hall) -> Result<()> {
    let client = hall.shared()?.client("head_is_answered_like_get")?;
    let job = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(61, 9)}}))?;
    client.result(&job)?;
    let path = format!("/v1/jobs/{}", id(&job)?);
    let (result, events) = (format!("{path}/result"), format!("{path}/events"));
    let operator = format!("Bearer {ADMIN_TOKEN}");
    let operator = [("authorization", operator.as_str())];
    let ask =
        |method, path: &str, headers: &[(&str, &str)]| client.send(&Request { method, path, headers, body: None });
    for (path, headers) in [
        ("/healthz", &[][..]),
        ("/v1/models", &[]),
        ("/v1/jobs", &[]),
        (&path, &[]),
        // Twice: from the bucket, and from memory.
        (&result, &[]),
        (&result, &[]),
        ("/v1/usage", &[("accept", "text/csv")]),
        ("/v1/jobs/42", &[]),
        ("/v1/events", &[]),
        ("/v1/webhooks", &[]),
        ("/internal/v1/keys/k/rotate", &[]),
        ("/internal/v1/catalog", &operator),
    ] {
        alike(|method| ask(method, path, headers)).with_context(|| format!("HEAD {path}"))?;
    }
    let followed = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(62, 9)}}))?;
    let open = ask("HEAD", &format!("/v1/jobs/{}/events", id(&followed)?), &[])?.expect(200)?;
    ensure!(open.must("content-type")?.starts_with("text/event-stream") && open.body.is_empty(), "{open:?}");
    ensure!(open.must("x-accel-buffering")? == "no" && open.must("cache-control")? == "no-store", "{open:?}");
    // Who knows the end is told that there is nothing more.
    ask("HEAD", &events, &[("last-event-id", "99")])?.expect(204)?;

    let refused = ask("PATCH", "/v1/jobs", &[])?;
    refused.expect_problem(405, "method-not-allowed")?;
    ensure!(refused.must("allow")? == "POST, GET, HEAD", "{refused:?}");
    let refused = ask("HEAD", "/v1/plan", &[])?.expect(405)?;
    ensure!(refused.must("allow")? == "POST" && refused.body.is_empty(), "{refused:?}");
    Ok(())
}

/// What is told may change between two requests, and back again: both are asked until they say the same.
fn alike(ask: impl Fn(&'static str) -> Result<Answer>) -> Result<()> {
    poll("HEAD is answered like GET", || {
        let (head, get) = (ask("HEAD")?, ask("GET")?);
        ensure!(head.body.is_empty(), "there is a body: {head:?}");
        let other = fields(&get).into_iter().find(|name| {
            let (found, expect) = (head.header(name), get.header(name));
            // A proxy in between may leave the length out (RFC 9110 §8.6).
            found != expect && !(name == "content-length" && found.is_none())
        });
        Ok(if head.status == get.status && other.is_none() { Ok(()) } else { Err((other, head, get)) })
    })
}

/// The names of an answer's header fields.
fn fields(answer: &Answer) -> BTreeSet<String> {
    answer.names().filter(|name| !OWN.contains(name)).map(str::to_owned).collect()
}
