//! Reading a request's body, up to a bound.

use forebay_contract::ProblemCode;
use futures_util::StreamExt as _;
use worker::web_sys::Request;

use super::{Incoming, Stop, body_bytes};
use crate::runtime::log_line;
use forebay_admission::{
    Refusal,
    body::{BodyFields, too_large},
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
    /// As this request has them.
    pub fn of(incoming: &Incoming) -> Self {
        Self {
            content_type: incoming.content_type.clone(),
            content_encoding: incoming.content_encoding.clone(),
            content_length: incoming.content_length.clone(),
        }
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
pub async fn read(request: Request, fields: &Fields, max_bytes: usize) -> Result<Vec<u8>, Stop> {
    fields.as_ref().check(max_bytes)?;
    // HTTP's framing holds a body to the length it declares, so a small one is read at once.
    if fields.declared_length().is_some_and(|length| length <= SMALL_BYTES) {
        let body = body_bytes(&request).await.map_err(ended_early)?;
        return if body.len() > max_bytes { Err(too_large(max_bytes).into()) } else { Ok(body) };
    }
    if request.body().is_none() {
        return Ok(Vec::new());
    }
    let mut stream = worker::Request::from(request).stream()?;
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(ended_early)?;
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

/// The client went away, or stopped sending and still reads.
fn ended_early(error: impl std::fmt::Display) -> Stop {
    log_line("body-ended-early", &error.to_string());
    Refusal::new(ProblemCode::InvalidHeader, "the body ended early: fewer bytes came than its length says").into()
}
