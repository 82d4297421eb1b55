//! Fetching something small from a server that the operator named, which may be slow, large or elsewhere by now.

use std::time::Duration;

use futures_util::{
    StreamExt as _,
    future::{Either, LocalBoxFuture, select},
};
use worker::{AbortController, AbortSignal, Delay, Fetch};

use super::outgoing::{self, Redirect};

/// What is fetched.
pub struct Get<'a> {
    pub url: &'a str,
    /// The `Accept` field.
    pub accept: Option<&'a str>,
    /// Until the whole body is there, in milliseconds.
    pub timeout_ms: u64,
    /// The longest body.
    pub max_bytes: usize,
}

/// The body of an answer with status 200; an error says why there is none, for the log.
///
/// Boxed: it is in the bundle once, whoever waits for it.
pub fn get(get: Get<'_>) -> LocalBoxFuture<'_, Result<Vec<u8>, String>> {
    Box::pin(async move {
        let abort = AbortController::default();
        let signal = abort.signal();
        match select(Box::pin(body(&get, &signal)), Delay::from(Duration::from_millis(get.timeout_ms))).await {
            Either::Left((body, _)) => body,
            Either::Right(_) => {
                abort.abort();
                Err(format!("no answer within {} ms", get.timeout_ms))
            }
        }
    })
}

async fn body(get: &Get<'_>, signal: &AbortSignal) -> Result<Vec<u8>, String> {
    let why = |error: worker::Error| error.to_string();
    let fields: Vec<_> = get.accept.map(|accept| ("accept", accept)).into_iter().collect();
    // Configuration says where to ask; nobody sends us elsewhere.
    let request = outgoing::request("GET", get.url, &fields, None, Redirect::Manual).map_err(why)?;
    let mut answer = Fetch::Request(request).send_with_signal(signal).await.map_err(why)?;
    if answer.status_code() != 200 {
        return Err(format!("status {}", answer.status_code()));
    }
    let (mut body, mut stream) = (Vec::new(), answer.stream().map_err(why)?);
    while let Some(chunk) = stream.next().await {
        body.extend_from_slice(&chunk.map_err(why)?);
        if body.len() > get.max_bytes {
            return Err(format!("more than {} bytes", get.max_bytes));
        }
    }
    Ok(body)
}
