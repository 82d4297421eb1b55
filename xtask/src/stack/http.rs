use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// The most that is read of one answer, in bytes.
const LIMIT: u64 = 64 << 20;

/// HTTP to parts on this machine: no proxy, every status is an answer.
#[derive(Debug, Clone)]
pub struct Http(ureq::Agent);

/// What a part answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status of the answer: every one is an answer.
    pub status: u16,
    /// The value of `Content-Type`.
    pub content_type: String,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Http {
    /// Gives up after `patience`.
    pub fn new(patience: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_global(Some(patience))
            .build();
        Self(config.new_agent())
    }

    /// GET
    pub fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut request = self.0.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.call(), url)
    }

    /// POST
    pub fn post(&self, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        send(self.0.post(url), url, headers, body)
    }

    /// PUT
    pub fn put(&self, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        send(self.0.put(url), url, headers, body)
    }
}

fn send(
    mut request: ureq::RequestBuilder<ureq::typestate::WithBody>,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer> {
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    read(request.send(body), url)
}

fn read(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>, url: &str) -> Result<Answer> {
    let (parts, mut body) = response.with_context(|| url.to_owned())?.into_parts();
    let content_type = parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let body = body.with_config().limit(LIMIT).read_to_vec().with_context(|| url.to_owned())?;
    Ok(Answer { status: parts.status.as_u16(), content_type: content_type.to_owned(), body })
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("status {}, and the body is not JSON: {:.200}", self.status, self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
