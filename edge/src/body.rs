//! Reading a request's body, up to a bound.

use futures_util::StreamExt as _;
use worker::Request;

use crate::{
    admission::body::{BodyFields, too_large},
    cx::Stop,
};

/// Up to this length a body is not worth a stream.
const SMALL_BYTES: u64 = 64 * 1024;

/// The header fields that describe a body, owned.
pub struct Fields {
    content_type: Option<String>,
    content_encoding: Option<String>,
    content_length: Option<String>,
}

impl Fields {
    /// Of this request.
    pub fn of(request: &Request) -> Result<Self, Stop> {
        let headers = request.headers();
        Ok(Self {
            content_type: headers.get("content-type")?,
            content_encoding: headers.get("content-encoding")?,
            content_length: headers.get("content-length")?,
        })
    }

    fn declared_length(&self) -> Option<u64> {
        self.content_length.as_deref()?.trim().parse().ok()
    }

    /// For the pure checks.
    pub fn as_ref(&self) -> BodyFields<'_> {
        BodyFields {
            content_type: self.content_type.as_deref(),
            content_encoding: self.content_encoding.as_deref(),
            content_length: self.content_length.as_deref(),
        }
    }
}

/// The whole body; reading stops at the first byte over the bound, whatever `Content-Length` said.
pub async fn read(request: &mut Request, fields: &Fields, max_bytes: usize) -> Result<Vec<u8>, Stop> {
    fields.as_ref().check(max_bytes)?;
    if request.inner().body().is_none() {
        return Ok(Vec::new());
    }
    // HTTP's framing holds a body to the length it declares, so a small one is read at once.
    if fields.declared_length().is_some_and(|length| length <= SMALL_BYTES) {
        let body = request.bytes().await.map_err(|error| ended_early(&error))?;
        return if body.len() > max_bytes { Err(too_large(max_bytes).into()) } else { Ok(body) };
    }
    let mut stream = request.stream()?;
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| ended_early(&error))?;
        if body.len() + chunk.len() > max_bytes {
            return Err(too_large(max_bytes).into());
        }
        if body.is_empty() {
            body = chunk;
        } else {
            body.extend_from_slice(&chunk);
        }
    }
    Ok(body)
}

/// The client went away: nobody reads the answer.
fn ended_early(error: &worker::Error) -> Stop {
    Stop::broken(format!("the body ended early: {error}"))
}
