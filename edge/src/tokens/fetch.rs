use std::time::Duration;

use futures_util::{
    StreamExt as _,
    future::{Either, select},
};
use worker::{AbortController, AbortSignal, Delay, Fetch, Request, RequestInit, RequestRedirect};

use crate::admission::token::{
    key::{self, PublicKey},
    key_memory::TIMEOUT_MS,
};

/// The longest JWK set.
const MAX_BYTES: usize = 64 * 1024;

/// The keys that an issuer publishes at `url`; an error says why there are none, for the log.
pub(super) async fn key_set(url: &str) -> Result<Vec<PublicKey>, String> {
    let abort = AbortController::default();
    let signal = abort.signal();
    match select(Box::pin(body(url, &signal)), Delay::from(Duration::from_millis(TIMEOUT_MS))).await {
        Either::Left((body, _)) => key::key_set(&body?),
        Either::Right(_) => {
            abort.abort();
            Err(format!("no answer within {TIMEOUT_MS} ms"))
        }
    }
}

async fn body(url: &str, signal: &AbortSignal) -> Result<Vec<u8>, String> {
    let why = |error: worker::Error| error.to_string();
    let mut init = RequestInit::new();
    // The catalogue says where keys come from; nobody sends us elsewhere.
    init.with_redirect(RequestRedirect::Manual);
    let request = Request::new_with_init(url, &init).map_err(why)?;
    let mut answer = Fetch::Request(request).send_with_signal(signal).await.map_err(why)?;
    if answer.status_code() != 200 {
        return Err(format!("status {}", answer.status_code()));
    }
    let (mut body, mut stream) = (Vec::new(), answer.stream().map_err(why)?);
    while let Some(chunk) = stream.next().await {
        body.extend_from_slice(&chunk.map_err(why)?);
        if body.len() > MAX_BYTES {
            return Err(format!("more than {MAX_BYTES} bytes"));
        }
    }
    Ok(body)
}
