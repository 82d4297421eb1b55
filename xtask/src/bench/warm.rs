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
    let caller = Caller::new(edge);
    let (id, result) = caller.delivered(CACHED, "application/json")?;
    caller.http.put(&format!("http://{cache_floor}/"), &[], &result)?;
    // The copy goes into the cache behind the answer's back.
    let deadline = Instant::now() + Duration::from_secs(10);
    let hit = interrupt::poll(deadline, Duration::from_millis(50), || {
        let answer = caller.submit(CACHED)?;
        Ok(answer.get("result").is_some().then_some(()))
    })?;
    hit.context("the edge does not answer from its cache")?;
    Ok(id)
}

/// Has one job done whose result is no JSON, and delivered. Gives the job's id.
pub(super) fn deliver_picture(edge: SocketAddr) -> Result<String> {
    Ok(Caller::new(edge).delivered("the one that draws", "image/png")?.0)
}

/// Whom nothing limits.
struct Caller {
    http: Http,
    edge: SocketAddr,
    authorization: String,
}

impl Caller {
    fn new(edge: SocketAddr) -> Self {
        Self { http: Http::new(Duration::from_secs(10)), edge, authorization: format!("Bearer {OPEN}") }
    }

    fn headers(&self) -> [(&str, &str); 2] {
        [("authorization", &self.authorization), ("content-type", "application/json")]
    }

    fn submit(&self, which: &str) -> Result<serde_json::Value> {
        self.http.post(&format!("http://{}/v1/jobs", self.edge), &self.headers(), body(which).as_bytes())?.json()
    }

    /// A job that has ended well, and its result.
    fn delivered(&self, which: &str, media_type: &str) -> Result<(String, Vec<u8>)> {
        let job = self.submit(which)?;
        let id = job.get("id").and_then(serde_json::Value::as_str).context("the edge took no job")?;
        let kind = EventKind::Succeeded { media_type: media_type.to_owned(), bytes: 700, device_ms: 1.0 };
        report(&self.http, self.edge, id.parse()?, kind)?;
        let result = self.http.get(&format!("http://{}/v1/jobs/{id}/result", self.edge), &self.headers())?;
        ensure!(result.status == 200, "the edge delivered no result: {}", result.text());
        Ok((id.to_owned(), result.body))
    }
}

/// A job of its own for each `which`.
pub(super) fn body(which: &str) -> String {
    let text = format!("Submission {which}: water waits in the pool above the turbines until it is their turn.");
    serde_json::json!({"model": "bench", "input": {"text": text}}).to_string()
}
