//! The way back to the edge: signed reports over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use forebay_contract::{Report, ReportAnswer, SIGNATURE_HEADER, report, sign};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, Uri, header};

use crate::{
    clock::wall_ms,
    http::{self, Http},
};

/// One try takes no longer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// An answer names at most a hundred jobs; more is not read.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// The edge as the worker sees it: where reports go.
#[async_trait]
pub trait Edge: Send + Sync {
    /// Hands over one report.
    async fn post(&self, report: &Report) -> Result<ReportAnswer, EdgeError>;
}

/// Why a report did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The edge is away or not well: try again.
    #[error("edge unavailable: {0}")]
    Unavailable(String),
    /// The edge refuses what this worker says, so saying it again is of no use: the secret or the address is wrong.
    #[error("edge refused the report with status {0}")]
    Refused(u16),
}

/// The address is not one.
#[derive(Debug, thiserror::Error)]
#[error("edge-url: found {found}: {what}; allowed is http(s)://HOST[:PORT]")]
pub struct EdgeUrlError {
    found: String,
    what: String,
}

/// The edge over HTTP.
pub struct HttpEdge {
    client: Http,
    url: Uri,
    secret: String,
}

impl HttpEdge {
    /// The edge at `base`, with the secret that both share.
    pub fn new(base: &str, secret: String) -> Result<Self, EdgeUrlError> {
        let wrong = |what: String| EdgeUrlError { found: base.to_owned(), what };
        let url = http::address(&format!("{}{}", base.trim_end_matches('/'), report::PATH)).map_err(wrong)?;
        Ok(Self { client: http::client().map_err(wrong)?, url, secret })
    }

    async fn exchange(&self, body: Vec<u8>) -> Result<(u16, Bytes), String> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(SIGNATURE_HEADER, sign(self.secret.as_bytes(), wall_ms(), &body))
            .body(Full::from(body))
            .map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
    }
}

#[async_trait]
impl Edge for HttpEdge {
    async fn post(&self, report: &Report) -> Result<ReportAnswer, EdgeError> {
        let unavailable = EdgeError::Unavailable;
        let body = serde_json::to_vec(report).map_err(|error| unavailable(error.to_string()))?;
        let exchange = tokio::time::timeout(TIMEOUT, self.exchange(body));
        let (status, body) =
            exchange.await.map_err(|_| unavailable("no answer in time".to_owned()))?.map_err(unavailable)?;
        match status {
            200..=299 => serde_json::from_slice(&body).map_err(|error| unavailable(error.to_string())),
            408 | 429 | 500.. => Err(unavailable(format!("status {status}"))),
            _ => Err(EdgeError::Refused(status)),
        }
    }
}
