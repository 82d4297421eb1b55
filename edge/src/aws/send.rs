use std::time::Duration;

use forebay_account::platform::AwsError;
use futures_util::future::{Either, select};
use worker::{AbortController, Delay, Fetch, Method, Response};

use super::{
    Signer,
    sigv4::{Payload, Signable},
};
use crate::runtime::{self, Post, Redirect, exchange};

/// A request to AWS.
pub(super) struct AwsRequest<'a> {
    pub service: &'static str,
    pub method: Method,
    pub url: &'a str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Payload<'a>,
    /// What is sent; `body` is what is signed.
    pub sent: Option<&'a [u8]>,
    /// Until the answer's header, in milliseconds.
    pub timeout_ms: u64,
}

/// The runtime could not ask.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub(super) fn unreachable(error: worker::Error) -> AwsError {
    AwsError::Unreachable(error.to_string())
}

/// Signs and sends. The answer has any status.
pub(super) async fn send(signer: &Signer, now_ms: u64, request: AwsRequest<'_>) -> Result<Response, AwsError> {
    let signed = signer
        .sign(
            now_ms,
            &Signable {
                service: request.service,
                method: request.method.as_ref(),
                url: request.url,
                headers: &request.headers,
                body: request.body,
            },
        )
        .map_err(AwsError::Unexpected)?;
    let fields = all(&request.headers, &signed);
    let asked = runtime::request(request.method.as_ref(), request.url, &fields, request.sent, Redirect::Follow)
        .map_err(unreachable)?;
    let abort = AbortController::default();
    let signal = abort.signal();
    let fetch = Fetch::Request(asked);
    let answer = Box::pin(fetch.send_with_signal(&signal));
    match select(answer, Delay::from(Duration::from_millis(request.timeout_ms))).await {
        Either::Left((answer, _)) => answer.map_err(unreachable),
        Either::Right(_) => {
            abort.abort();
            Err(AwsError::Unreachable(format!("no answer within {} ms", request.timeout_ms)))
        }
    }
}

/// Signs and posts a text of which `request.body` has the bytes; the text of the answer when it is a success.
pub(super) async fn post(
    signer: &Signer,
    now_ms: u64,
    request: &Signable<'_>,
    body: &str,
    timeout_ms: u64,
) -> Result<String, AwsError> {
    let signed = signer.sign(now_ms, request).map_err(AwsError::Unexpected)?;
    let fields = all(request.headers, &signed);
    let post = Post { url: request.url, fields: &fields, body, timeout_ms };
    match exchange(post).await.map_err(AwsError::Unreachable)? {
        (200..300, body) => Ok(body),
        (status, body) => Err(AwsError::Status { status, body: body.chars().take(300).collect() }),
    }
}

/// The fields of a request: its own, and those that sign it.
fn all<'a>(own: &'a [(&'static str, String)], signed: &'a [(String, String)]) -> Vec<(&'a str, &'a str)> {
    let own = own.iter().map(|(name, value)| (*name, value.as_str()));
    own.chain(signed.iter().map(|(name, value)| (name.as_str(), value.as_str()))).collect()
}

/// The answer when it is a success.
pub(super) async fn succeeded(mut answer: Response) -> Result<Response, AwsError> {
    let status = answer.status_code();
    if (200..300).contains(&status) {
        return Ok(answer);
    }
    let body = answer.text().await.unwrap_or_default().chars().take(300).collect();
    Err(AwsError::Status { status, body })
}
