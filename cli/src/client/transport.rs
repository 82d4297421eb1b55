//! One HTTP exchange: bounded in size and in silence, without redirects.

use std::{
    env,
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::{HeaderMap, Request, Response, StatusCode, Uri, body::Incoming, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        self, Client,
        connect::{HttpConnector, proxy::Tunnel},
    },
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::timeout;

use super::{
    error::Error,
    payload::Payload,
    problem::Problem,
    proxy::{Proxy, innermost},
    redirect,
    retry::retry_after,
    traffic::Traffic,
};

/// The most that is read of one answer, in bytes.
const MOST_READ: usize = 64 << 20;
/// The most that is read of a refusal, in bytes.
const MOST_REFUSED: usize = 1 << 20;
/// How long a connection that nobody uses is kept.
const KEPT: Duration = Duration::from_secs(30);
/// The longest that one exchange takes, however steadily something drips.
const LONGEST: Duration = Duration::from_secs(3_600);
/// What this machine holds of what was sent, in bytes: enough to keep a line busy, and little enough that what was handed
/// over is out before anybody takes the silence after it for the service's.
const SEND_BUFFER: usize = 128 << 10;
/// What waits before that.
const WRITE_BUFFER: usize = 64 << 10;

/// A way to one service.
#[derive(Debug)]
pub(crate) enum Transport {
    Direct(Client<HttpsConnector<HttpConnector>, Payload>),
    /// Through the proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY`).
    Tunneled(Box<Client<HttpsConnector<Tunnel<HttpConnector>>, Payload>>, Proxy),
}

/// What was answered, other than a refusal.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Transport {
    /// One to the service at `url`, by TLS where it says so.
    pub(crate) fn to(url: &Uri) -> Result<Self, Error> {
        let roots = |error| Error::Invalid(format!("this machine's certificates cannot be read: {error}"));
        let tls = HttpsConnectorBuilder::new().with_native_roots().map_err(roots)?.https_or_http().enable_http1();
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(KEPT).http1_max_buf_size(WRITE_BUFFER);
        let mut connector = HttpConnector::new();
        connector.set_send_buffer_size(Some(SEND_BUFFER));
        Ok(match Proxy::of(url, |name| env::var(name).ok())? {
            None => {
                connector.enforce_http(false);
                Self::Direct(builder.build(tls.wrap_connector(connector)))
            }
            Some(proxy) => {
                let mut tunnel = Tunnel::new(proxy.uri.clone(), connector);
                if let Some(auth) = &proxy.auth {
                    tunnel = tunnel.with_auth(auth.clone());
                }
                Self::Tunneled(Box::new(builder.build(tls.wrap_connector(tunnel))), proxy)
            }
        })
    }

    /// Sends a request and reads the whole answer, unless nothing moves for as long as `silence`.
    pub(crate) async fn exchange(&self, request: Request<Payload>, silence: Duration) -> Result<Reply, Error> {
        let host = host_of(request.uri());
        let (traffic, size) = (request.body().traffic(), request.body().len() as u64);
        traffic.moved();
        let before = traffic.sent();
        let exchange = async {
            let (parts, body) = self.open(request).await?.into_parts();
            let body = read(body, MOST_READ, &traffic, &host).await?;
            Ok(Reply { headers: parts.headers, body })
        };
        match timeout(LONGEST, traffic.unless_silent(silence, exchange)).await {
            Ok(Some(answered)) => answered,
            Ok(None) => {
                let (sent, received) = (traffic.sent().saturating_sub(before), traffic.received());
                Err(Error::Unanswered(late(&host, silence, [sent, size, received])))
            }
            Err(_) => Err(Error::Unanswered(format!("an exchange with {host} took longer than an hour"))),
        }
    }

    /// Sends a request and gives the answer with its body unread; a refusal is read and is an error.
    pub(crate) async fn open(&self, request: Request<Payload>) -> Result<Response<Incoming>, Error> {
        let (asked, traffic) = (request.uri().clone(), request.body().traffic());
        let response = match self {
            Self::Direct(client) => client.request(request).await,
            Self::Tunneled(client, _) => client.request(request).await,
        };
        let response = response.map_err(|error| self.unanswered(&host_of(&asked), &error))?;
        traffic.moved();
        let status = response.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let field = |name| parts.headers.get(name).and_then(|field: &header::HeaderValue| field.to_str().ok());
        if let Some(location) = field(header::LOCATION).filter(|_| status.is_redirection()) {
            return Err(Error::Foreign(redirect::advice(&asked, location)));
        }
        let body = read(body, MOST_REFUSED, &traffic, &host_of(&asked)).await.unwrap_or_default();
        let mut problem = Problem::of(status.as_u16(), &body);
        problem.retry_after = field(header::RETRY_AFTER).and_then(|field| retry_after(field, SystemTime::now()));
        Err(problem.into())
    }

    fn unanswered(&self, host: &str, error: &legacy::Error) -> Error {
        let refusal = match self {
            Self::Direct(_) => None,
            Self::Tunneled(_, proxy) => proxy.refusal(host, error),
        };
        refusal.unwrap_or_else(|| Error::Unanswered(format!("{host} does not answer: {}", innermost(error))))
    }
}

fn host_of(uri: &Uri) -> String {
    uri.authority().map(ToString::to_string).unwrap_or_default()
}

/// All of an answer's body, `most` bytes at the most.
async fn read(mut body: Incoming, most: usize, traffic: &Traffic, host: &str) -> Result<Bytes, Error> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let broke = |error| Error::Unanswered(format!("{host} stopped answering: {}", innermost(&error)));
        let frame = frame.map_err(broke)?;
        let Some(piece) = frame.data_ref() else { continue };
        traffic.arrived(piece.len());
        if bytes.len() + piece.len() > most {
            // It is no smaller when it is asked for again.
            return Err(Error::Foreign(format!("the answer of {host} is larger than {} MB", most >> 20)));
        }
        bytes.extend_from_slice(piece);
    }
    Ok(bytes.freeze())
}

/// How far an exchange came before nothing moved any more.
fn late(host: &str, silence: Duration, [sent, size, received]: [u64; 3]) -> String {
    let (silence_s, megabytes) = (silence.as_secs(), |bytes: u64| bytes as f64 / 1e6);
    if received > 0 {
        let received = megabytes(received);
        return format!("nothing came from {host} any more for {silence_s} s, after {received:.1} MB of its answer");
    }
    if (1..size).contains(&sent) {
        let (sent, size) = (megabytes(sent), megabytes(size));
        return format!("{host} took nothing any more for {silence_s} s, after {sent:.1} of {size:.1} MB");
    }
    format!("{host} did not answer within {silence_s} s")
}
