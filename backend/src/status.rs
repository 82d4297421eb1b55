//! `/healthz`, `/readyz` and `/metrics` over plain HTTP, for probes and scrapers of the same machine or pod.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tracing::{debug, warn};

use crate::{metrics::CONTENT_TYPE, vitals::Vitals};

/// Connections at once; the next one waits.
const CONNECTIONS: usize = 16;
/// A request's head comes within this time.
const HEAD: Duration = Duration::from_secs(5);
/// A scraper may keep its connection; one that hangs may not.
const CONNECTION: Duration = Duration::from_secs(300);

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("status-address: found {address}: {what}; allowed is a free IP:PORT of this machine, such as 127.0.0.1:9464")]
pub struct StatusAddressError {
    address: SocketAddr,
    what: std::io::Error,
}

/// Answers of one worker's vitals.
pub struct StatusServer {
    listener: TcpListener,
}

impl StatusServer {
    /// Listens; nothing is answered before [`StatusServer::run`].
    pub async fn bind(address: SocketAddr) -> Result<Self, StatusAddressError> {
        let listener = TcpListener::bind(address).await.map_err(|what| StatusAddressError { address, what })?;
        Ok(Self { listener })
    }

    /// Where it listens: with port 0 asked for, the port that was free.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until it is dropped.
    pub async fn run(self, vitals: Arc<Vitals>) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors: they come back.
                    warn!(%error, "a connection for status cannot be taken");
                    tokio::time::sleep(HEAD).await;
                    continue;
                }
            };
            let vitals = Arc::clone(&vitals);
            tokio::spawn(async move {
                let _permit = permit;
                let service = service_fn(|request| {
                    let answer = answer(&request, &vitals);
                    async { Ok::<_, Infallible>(answer) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD)
                    .serve_connection(TokioIo::new(stream), service);
                if let Ok(Err(error)) = timeout(CONNECTION, connection).await {
                    debug!(%error, "a connection for status broke");
                }
            });
        }
    }
}

fn answer(request: &Request<Incoming>, vitals: &Vitals) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return page(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET or HEAD\n".to_owned());
    }
    match request.uri().path() {
        "/healthz" => state("alive", &vitals.health.ills()),
        "/readyz" => state("ready", &vitals.health.hindrances()),
        "/metrics" => page(StatusCode::OK, CONTENT_TYPE, vitals.metrics.encode()),
        _ => page(StatusCode::NOT_FOUND, "text/plain", "/healthz, /readyz or /metrics\n".to_owned()),
    }
}

/// 200 when nothing speaks against it, else 503 with what does.
fn state(name: &str, against: &[String]) -> Response<Full<Bytes>> {
    let status = if against.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    page(status, "application/json", format!("{}\n", json!({ name: against.is_empty(), "because": against })))
}

fn page(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}
