//! Results in the Cache API, under their digest: what one colo has delivered once it delivers again by itself.

use std::cell::Cell;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use forebay_contract::Digest;
use worker::{Cache, Headers, Response};

use crate::{
    cx::{Cx, log_line, now_ms},
    objects::Job,
};

/// Carries the job a cached result was made by.
const JOB_FIELD: &str = "forebay-job";
/// Results never change; they do go, with the bucket's own lifetime.
const MAX_AGE_S: u64 = 604_800;

/// How long a cache that failed is left alone.
const PAUSE_MS: u64 = 60_000;

thread_local! {
    /// Until when nothing is asked of the cache.
    static PAUSED_UNTIL_MS: Cell<u64> = const { Cell::new(0) };
}

/// A result found in the cache.
pub struct Cached {
    /// The stored answer, headers and body.
    pub response: Response,
    /// The job that made it.
    pub job: Job,
}

/// The result of `digest`, when this colo has it. A cache that fails is a cache that has nothing.
pub async fn get(digest: &Digest) -> Option<Cached> {
    if now_ms() < PAUSED_UNTIL_MS.get() {
        return None;
    }
    let response = match Cache::default().get(url(digest), false).await {
        Ok(found) => found?,
        Err(error) => {
            complain(&error);
            return None;
        }
    };
    let field = response.headers().get(JOB_FIELD).ok()??;
    let job = serde_json::from_slice(&STANDARD.decode(field).ok()?).ok()?;
    Some(Cached { response, job })
}

/// Keeps a copy of `response` (a result, its body unread) in the background.
pub fn put(cx: &Cx, job: &Job, response: &mut Response) -> worker::Result<()> {
    let copy = response.cloned()?;
    let headers = Headers::new();
    for name in ["content-type", "content-length"] {
        if let Some(value) = copy.headers().get(name)? {
            headers.set(name, &value)?;
        }
    }
    headers.set("cache-control", &format!("public, max-age={MAX_AGE_S}, immutable"))?;
    headers.set(JOB_FIELD, &STANDARD.encode(serde_json::to_vec(job)?))?;
    let (copy, url) = (copy.with_headers(headers), url(&job.digest));
    cx.context.wait_until(async move {
        if let Err(error) = Cache::default().put(url, copy).await {
            complain(&error);
        }
    });
    Ok(())
}

/// Only this Worker reads the cache, and it asks for digests alone: the host is a name, not an address.
fn url(digest: &Digest) -> String {
    format!("https://results.forebay.internal/{digest}")
}

/// A runtime without a cache works all the same, and says so once a minute.
fn complain(error: &worker::Error) {
    PAUSED_UNTIL_MS.set(now_ms() + PAUSE_MS);
    log_line("cache-unavailable", &error.to_string());
}
