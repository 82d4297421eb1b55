//! The client.

pub(crate) mod account;
pub(crate) mod answer;
mod backoff;
pub(crate) mod builder;
pub(crate) mod calls;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod id;
pub(crate) mod job;
pub(crate) mod long_poll;
mod payload;
pub(crate) mod problem;
mod proxy;
mod redirect;
pub(crate) mod retry;
pub(crate) mod secret;
mod sse;
pub(crate) mod submission;
pub(crate) mod traffic;
mod transport;
pub(crate) mod watch;
pub(crate) mod webhook;
mod webhook_calls;
mod websocket;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{Method, Request, header, header::HeaderValue};
use serde::de::DeserializeOwned;

use self::{
    answer::Answer,
    backoff::Backoff,
    builder::ClientBuilder,
    error::Error,
    payload::Payload,
    retry::{Repeat, Retry},
    traffic::Traffic,
    transport::{Reply, Transport},
};

/// A caller of one service. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    transport: Transport,
    base: String,
    authorization: Option<HeaderValue>,
    retry: Retry,
    idle_timeout: Duration,
}

/// What is asked of the service.
struct Call {
    method: Method,
    /// Path and query, as they stand in the request.
    path: String,
    headers: Vec<(&'static str, String)>,
    content_type: Option<&'static str>,
    body: Bytes,
    repeat: Repeat,
    /// How long the service was asked to hold the answer back.
    held: Duration,
    /// Where it is counted what moves, if somebody looks on.
    traffic: Option<Arc<Traffic>>,
}

impl Call {
    fn get(path: String) -> Self {
        let (headers, body) = (Vec::new(), Bytes::new());
        let (repeat, held) = (Repeat::Harmless, Duration::ZERO);
        Self { method: Method::GET, path, headers, content_type: None, body, repeat, held, traffic: None }
    }

    fn post(path: String) -> Self {
        Self { method: Method::POST, repeat: Repeat::AfterRefusal, ..Self::get(path) }
    }
}

impl Client {
    /// A caller of the service at `url`, such as `https://jobs.example.com`.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(url.into())
    }

    async fn answer<T: DeserializeOwned>(&self, call: Call) -> Result<Answer<T>, Error> {
        Answer::read(&self.reply(call).await?.body)
    }

    /// Asks, and asks again while that is worth it.
    async fn reply(&self, call: Call) -> Result<Reply, Error> {
        let Inner { transport, retry, idle_timeout, .. } = &*self.0;
        let mut backoff = Backoff::default();
        loop {
            match transport.exchange(self.request(&call)?, *idle_timeout + call.held).await {
                Ok(reply) => return Ok(reply),
                Err(error) => backoff.pause(retry, error, call.repeat).await?,
            }
        }
    }

    fn request(&self, call: &Call) -> Result<Request<Payload>, Error> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}", self.0.base, call.path))
            .header(header::USER_AGENT, concat!("forebay/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &self.0.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(content_type) = call.content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let unfit = |error| Error::Invalid(format!("this cannot be sent: {error}"));
        let traffic = call.traffic.clone().unwrap_or_default();
        request.body(Payload::new(call.body.clone(), traffic)).map_err(unfit)
    }
}
