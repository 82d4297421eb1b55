use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use forebay_contract::EventKind;
use serde_json::Value;

use super::{OPEN, report::report, workerd::Workerd};
use crate::{process::interrupt, stack::Http};

/// The submission that the cache answers afterwards.
pub(super) const CACHED: &str = "the one that is cached";

/// What an isolate still keeps in its memory, in bytes, and what it does not.
const LARGE: usize = 500_000;
const HUGE: usize = 2_000_000;

/// A job that was done once, whose result the Cache API has.
pub(super) struct Cached {
    pub(super) job: String,
    digest: String,
}

impl Cached {
    /// A result of a few bytes of JSON, which isolates keep in their memory.
    pub(super) fn json(workerd: &Workerd) -> Result<Self> {
        Self::new(workerd, CACHED, "application/json", None)
    }

    /// As small, and no JSON.
    pub(super) fn picture(workerd: &Workerd) -> Result<Self> {
        Self::new(workerd, "the one that draws", "image/png", None)
    }

    /// A picture of 500 kB.
    pub(super) fn large_picture(workerd: &Workerd) -> Result<Self> {
        Self::new(workerd, "the one that draws a lot", "image/png", Some(LARGE))
    }

    /// What is too large for an isolate's memory.
    pub(super) fn huge_picture(workerd: &Workerd) -> Result<Self> {
        Self::new(workerd, "the one that draws everything", "image/png", Some(HUGE))
    }

    /// Where the Worker that does nothing but a match has the same entry.
    pub(super) fn entry(&self) -> String {
        format!("/{}", self.digest)
    }

    /// Has one job done, and its result delivered: the copy goes into the cache behind the answer's back. The bucket's
    /// stand-in knows one result alone, so that what is to have `bytes` of them is given them in the cache.
    fn new(workerd: &Workerd, which: &str, media_type: &str, bytes: Option<usize>) -> Result<Self> {
        let (edge, http) = (workerd.edge, Http::new(Duration::from_secs(10)));
        let authorization = format!("Bearer {OPEN}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let post = |path: &str| http.post(&format!("http://{edge}{path}"), &headers, body(which).as_bytes())?.json();
        let (digest, job) = (text(&post("/v1/plan")?, "digest")?, text(&post("/v1/jobs")?, "id")?);
        let kind = EventKind::Succeeded {
            media_type: media_type.to_owned(),
            bytes: bytes.map_or(700, |bytes| bytes as u64),
            device_ms: 1.0,
        };
        report(&http, edge, job.parse()?, kind)?;
        let result = http.get(&format!("http://{edge}/v1/jobs/{job}/result"), &headers)?;
        ensure!(result.status == 200, "the edge delivered no result: {}", result.text());

        let entry = format!("http://{}/{digest}", workerd.cache_floor);
        let deadline = Instant::now() + Duration::from_secs(10);
        let there = interrupt::poll(deadline, Duration::from_millis(50), || {
            Ok((http.get(&entry, &[])?.status == 200).then_some(()))
        })?;
        there.context("the edge put nothing into the cache")?;
        if let Some(bytes) = bytes {
            let put = http.put(&entry, &[], &vec![7; bytes])?;
            ensure!(put.status == 204, "the cache took no large result: {}", put.status);
        }
        Ok(Self { job, digest })
    }
}

fn text(json: &Value, field: &str) -> Result<String> {
    let found = json.get(field).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no {field} in {json}"))?.to_owned())
}

/// A job of its own for each `which`.
pub(super) fn body(which: &str) -> String {
    let text = format!("Submission {which}: water waits in the pool above the turbines until it is their turn.");
    serde_json::json!({"model": "bench", "input": {"text": text}}).to_string()
}
