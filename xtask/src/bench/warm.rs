use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use forebay_contract::EventKind;

use super::{OPEN, report::report};
use crate::{process::interrupt, stack::Http};

/// The submission that the cache answers afterwards.
pub(super) const CACHED: &str = "the one that is cached";

/// Has one job done and its result delivered, so that the cache has it; and puts something of that size beside. Gives the
/// job's id.
pub(super) fn fill_caches(edge: SocketAddr, cache_floor: SocketAddr) -> Result<String> {
    let http = Http::new(Duration::from_secs(10));
    let authorization = format!("Bearer {OPEN}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let submit = || http.post(&format!("http://{edge}/v1/jobs"), &headers, body(CACHED).as_bytes());
    let job = submit()?.json()?;
    let id = job.get("id").and_then(serde_json::Value::as_str).context("the edge took no job")?;
    let kind = EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 700, device_ms: 1.0 };
    report(&http, edge, id.parse()?, kind)?;
    let result = http.get(&format!("http://{edge}/v1/jobs/{id}/result"), &headers)?;
    ensure!(result.status == 200, "the edge delivered no result: {}", result.text());
    http.put(&format!("http://{cache_floor}/"), &[], &result.body)?;
    // The copy goes into the cache behind the answer's back.
    let deadline = Instant::now() + Duration::from_secs(10);
    let hit = interrupt::poll(deadline, Duration::from_millis(50), || {
        let answer = submit()?.json()?;
        Ok(answer.get("result").is_some().then_some(()))
    })?;
    hit.context("the edge does not answer from its cache")?;
    Ok(id.to_owned())
}

/// A job of its own for each `which`.
pub(super) fn body(which: &str) -> String {
    let text = format!("Submission {which}: water waits in the pool above the turbines until it is their turn.");
    serde_json::json!({"model": "bench", "input": {"text": text}}).to_string()
}
