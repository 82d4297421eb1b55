use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::timeline::Timeline;
use crate::{
    process::interrupt,
    stack::{Answer, ApiKey, Http},
};

/// How long one job may take; the first one loads its model.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a client of Forebay does.
#[derive(Debug)]
pub(super) struct DemoClient {
    http: Http,
    origin: String,
    authorization: String,
}

/// A finished job with its result.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) result: Answer,
    pub(super) timeline: Timeline,
}

impl DemoClient {
    pub(super) fn new(origin: String, key: &ApiKey) -> Self {
        let authorization = format!("Bearer {}", key.reveal());
        Self { http: Http::new(Duration::from_secs(30)), origin, authorization }
    }

    /// Submits a bare body; answers the URL to poll.
    pub(super) fn submit(&self, model: &str, content_type: &str, body: &[u8]) -> Result<String> {
        let url = format!("{}/v1/models/{model}/jobs", self.origin);
        let headers = [("authorization", self.authorization.as_str()), ("content-type", content_type)];
        let answer = self.http.post(&url, &headers, body)?;
        if !matches!(answer.status, 200 | 202) {
            bail!("the edge refused a job for {model}: {} {:.500}", answer.status, answer.text());
        }
        text(&answer.json()?, "status_url")
    }

    /// Polls until the job is done and fetches its result.
    pub(super) fn finish(&self, status_url: &str) -> Result<Finished> {
        let url = format!("{status_url}?wait=5");
        let mut last = Value::Null;
        let done = interrupt::poll(Instant::now() + PATIENCE, Duration::from_millis(50), || {
            let answer = self.get(&url)?;
            last = answer.json()?;
            match last.get("status").and_then(Value::as_str) {
                Some("queued" | "running") => Ok(None),
                Some("succeeded") => Ok(Some(())),
                _ => bail!("the job did not succeed: {last}"),
            }
        })?;
        if done.is_none() {
            bail!("the job was not done within {} s; where it stands: {last}", PATIENCE.as_secs());
        }
        let result = self.get(&text(&last, "result_url")?)?;
        if result.status != 200 {
            bail!("the result cannot be read: {} {:.500}", result.status, result.text());
        }
        Ok(Finished { result, timeline: Timeline::of_job(&last) })
    }

    fn get(&self, url: &str) -> Result<Answer> {
        self.http.get(url, &[("authorization", &self.authorization)])
    }
}

fn text(json: &Value, field: &str) -> Result<String> {
    let value = json.get(field).and_then(Value::as_str);
    Ok(value.with_context(|| format!("no {field} in {json}"))?.to_owned())
}
