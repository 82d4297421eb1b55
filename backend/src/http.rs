//! HTTP clients of what is neither SQS nor S3.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

/// A client that keeps its connections.
pub(crate) type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client that trusts what the machine trusts.
pub(crate) fn client() -> Result<Http, String> {
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(|error| error.to_string())?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// `text` as an absolute address.
pub(crate) fn address(text: &str) -> Result<Uri, String> {
    let address: Uri = text.parse().map_err(|error: hyper::http::uri::InvalidUri| error.to_string())?;
    if matches!(address.scheme_str(), Some("http" | "https")) && address.host().is_some() {
        Ok(address)
    } else {
        Err("not an address".to_owned())
    }
}
