//! One HTTP exchange: bounded in time and size, without redirects.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{HeaderMap, Request, Response, StatusCode, Uri, body::Incoming, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::{
        legacy::{
            Client,
            connect::{HttpConnector, proxy::Tunnel},
        },
        proxy::matcher::Matcher,
    },
    rt::{TokioExecutor, TokioTimer},
};

use super::{error::Error, problem::Problem, retry::retry_after};

/// The most that is read of one answer, in bytes.
const MOST_READ: usize = 64 << 20;
/// How long a connection that nobody uses is kept.
const KEPT: Duration = Duration::from_secs(30);

/// A way to one service.
#[derive(Debug)]
pub(crate) enum Transport {
    Direct(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
    /// Through the proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY`).
    Tunneled(Box<Client<HttpsConnector<Tunnel<HttpConnector>>, Full<Bytes>>>),
}

/// What was answered, other than a refusal.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Transport {
    /// To the service at `url`, by TLS where it says so.
    pub(crate) fn to(url: &Uri) -> Result<Self, Error> {
        let roots = |error| Error::Invalid(format!("this machine's certificates cannot be read: {error}"));
        let tls = HttpsConnectorBuilder::new().with_native_roots().map_err(roots)?.https_or_http().enable_http1();
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(KEPT);
        let proxy = Matcher::from_env().intercept(url).filter(|_| url.scheme_str() == Some("https"));
        Ok(match proxy {
            None => Self::Direct(builder.build(tls.build())),
            Some(proxy) => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), HttpConnector::new());
                if let Some(auth) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(auth.clone());
                }
                Self::Tunneled(Box::new(builder.build(tls.wrap_connector(tunnel))))
            }
        })
    }

    /// Sends a request and reads the whole answer, within `patience`.
    pub(crate) async fn exchange(&self, request: Request<Full<Bytes>>, patience: Duration) -> Result<Reply, Error> {
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let exchange = async {
            let response = self.open(request).await?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MOST_READ).collect().await;
            let body = body.map_err(|error| Error::Unanswered(format!("{host} stopped answering: {error}")))?;
            Ok(Reply { headers: parts.headers, body: body.to_bytes() })
        };
        let late = |_| Error::Unanswered(format!("{host} did not answer within {} s", patience.as_secs()));
        tokio::time::timeout(patience, exchange).await.map_err(late)?
    }

    /// Sends a request and gives the answer with its body unread; a refusal is read and is an error.
    pub(crate) async fn open(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let response = match self {
            Self::Direct(client) => client.request(request).await,
            Self::Tunneled(client) => client.request(request).await,
        };
        let response =
            response.map_err(|error| Error::Unanswered(format!("{host} does not answer: {}", why(&error))))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, 1 << 20).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let mut problem = Problem::of(status.as_u16(), &body);
        let field = parts.headers.get(header::RETRY_AFTER).and_then(|field| field.to_str().ok());
        problem.retry_after = field.and_then(|field| retry_after(field, SystemTime::now()));
        Err(problem.into())
    }
}

/// The innermost reason: what is around it says «client error» alone.
fn why(error: &dyn std::error::Error) -> String {
    let mut reason = error;
    while let Some(inner) = reason.source() {
        reason = inner;
    }
    reason.to_string()
}
