//! A refused request has one line in the log, by its id; no log holds a payload or a key.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    client::{poll, text},
    stack::Hall,
};

const PAYLOAD: &str = "Nobody but the model may read this sentence.";

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.shared()?;
    let client = stack.client("log_holds_no_payload")?;

    let refused = client.submit(&json!({"model": "gpt-9", "input": {"text": PAYLOAD}}))?;
    let problem = refused.expect_problem(404, "model-not-found")?;
    client.result(&client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": PAYLOAD}}))?)?;
    let broken = client.submit_bare("efficientnet-lite0", "image/png", PAYLOAD.as_bytes())?;
    broken.expect_problem(422, "image-unrecognized")?;

    let id = text(&problem, "request_id")?;
    let log = poll("the request is in the log", || {
        let log = stack.logs()?;
        // A line that is still being written has no end.
        let whole = log.split_inclusive('\n').any(|line| line.ends_with('\n') && line.contains(id));
        Ok(if whole { Ok(log) } else { Err("not there") })
    })?;
    let lines: Vec<_> = log.lines().filter(|line| line.contains(id)).collect();
    ensure!(lines.len() == 1, "{} lines for one request: {lines:?}", lines.len());
    ensure!(lines[0].contains("model-not-found") && lines[0].contains("404"), "{lines:?}");
    for secret in [PAYLOAD, client.key()] {
        ensure!(!log.contains(secret), "a log holds a payload or a key");
    }
    Ok(())
}
