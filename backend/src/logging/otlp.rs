use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Response};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use crate::http::{self, Http};

/// One try to send takes no longer; spans that cannot be sent are dropped.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Sending what is left when the worker ends takes no longer: with the drain before it, it must be over before whoever
/// stops the worker kills it.
const FLUSH: Duration = Duration::from_secs(3);
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// The collector's address is not one.
#[derive(Debug, thiserror::Error)]
#[error("otlp_endpoint: found {found}: {what}; allowed is http(s)://HOST[:PORT], as of an OpenTelemetry collector")]
pub struct CollectorError {
    found: String,
    what: String,
}

/// Sends spans to a collector, many at once, from a thread of its own.
#[derive(Debug)]
pub struct Spans {
    provider: SdkTracerProvider,
}

impl Spans {
    /// To the collector at `endpoint`. Sending uses the runtime that this is called in.
    pub fn to(endpoint: &str, worker: &str) -> Result<Self, CollectorError> {
        let wrong = |what: String| CollectorError { found: endpoint.to_owned(), what };
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        http::address(&url).map_err(wrong)?;
        let client = Client { http: http::client().map_err(wrong)?, runtime: Handle::current() };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(client)
            .with_endpoint(url)
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let attribute = opentelemetry::KeyValue::new("service.instance.id", worker.to_owned());
        let resource = Resource::builder().with_service_name("forebay-worker").with_attribute(attribute).build();
        Ok(Self {
            provider: SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build(),
        })
    }

    /// Makes spans of this crate's.
    pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        let tracer = self.provider.tracer("forebay");
        let ours = filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with("forebay"));
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours)
    }

    /// Sends what is left. Blocks, for seconds at most.
    pub fn flush(&self) {
        // What cannot be sent now is lost with the process.
        let _ = self.provider.shutdown_with_timeout(FLUSH);
    }
}

/// The exporter's thread knows no runtime, so requests are handed to the worker's.
struct Client {
    http: Http,
    runtime: Handle,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let exchange = async move {
            let response = http.request(request.map(Full::from)).await?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await?;
            Ok::<_, HttpError>(Response::from_parts(head, body.to_bytes()))
        };
        // A timer is made inside of the runtime, too.
        self.runtime.spawn(async move { tokio::time::timeout(TIMEOUT, exchange).await }).await??
    }
}
