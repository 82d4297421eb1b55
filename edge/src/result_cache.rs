//! Results that were delivered here before: in the Cache API, where one colo has them for all its isolates, and the
//! small ones in the isolate's own memory in front of it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use forebay_contract::Digest;
use serde_json::value::RawValue;
use worker::{Cache, Headers, Response};

use crate::{
    cx::{Cx, log_line, now_ms},
    expiring::Expiring,
    objects::Job,
};

/// Carries the job a cached result was made by.
const JOB_FIELD: &str = "forebay-job";
/// Results never change; they do go, with the bucket's own lifetime.
const MAX_AGE_S: u64 = 604_800;

/// How long a cache that failed is left alone.
const PAUSE_MS: u64 = 60_000;

/// Results up to here travel inside the answer of a hit, in bytes.
const INLINE_RESULT_BYTES: u64 = 65_536;
/// How long an isolate goes by its own memory.
const REMEMBER_MS: u64 = 60_000;
/// Together at most 16 MiB of what an isolate may use.
const MOST_REMEMBERED: usize = 256;

thread_local! {
    /// Until when nothing is asked of the cache.
    static PAUSED_UNTIL_MS: Cell<u64> = const { Cell::new(0) };
    static REMEMBERED: RefCell<Expiring<Digest, Rc<Cached>>> =
        RefCell::new(Expiring::new(MOST_REMEMBERED, REMEMBER_MS));
}

/// A result found.
pub struct Cached {
    /// The job that made it.
    pub job: Job,
    /// The result itself, where it is small and JSON.
    pub result: Option<Box<RawValue>>,
}

/// The result of `digest`, when this isolate remembers it.
pub fn recall(digest: &Digest, now_ms: u64) -> Option<Rc<Cached>> {
    REMEMBERED.with_borrow(|remembered| remembered.get(digest, now_ms))
}

/// The result of `digest`, when this colo has it. A cache that fails is a cache that has nothing.
pub async fn get(digest: &Digest) -> Option<Rc<Cached>> {
    let now = now_ms();
    if let Some(cached) = recall(digest, now) {
        return Some(cached);
    }
    let cached = Rc::new(read(stored(digest).await?).await?);
    REMEMBERED.with_borrow_mut(|remembered| remembered.put(*digest, cached.clone(), now));
    Some(cached)
}

/// The stored answer to a request for the result of `digest`, headers and body, when this colo has it.
pub async fn stored(digest: &Digest) -> Option<Response> {
    if now_ms() < PAUSED_UNTIL_MS.get() {
        return None;
    }
    Cache::default().get(url(digest), false).await.unwrap_or_else(|error| {
        complain(&error);
        None
    })
}

/// Whether the job's result is small and JSON.
pub fn is_inline(job: &Job) -> bool {
    let is_json = job.media_type.as_deref() == Some("application/json");
    is_json && job.bytes.is_some_and(|bytes| bytes <= INLINE_RESULT_BYTES)
}

async fn read(mut response: Response) -> Option<Cached> {
    let field = response.headers().get(JOB_FIELD).ok()??;
    let job: Job = serde_json::from_slice(&STANDARD.decode(field).ok()?).ok()?;
    let result = if is_inline(&job) { Some(RawValue::from_string(response.text().await.ok()?).ok()?) } else { None };
    Some(Cached { job, result })
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
    // A header has room for so much; what happened on the way is no part of the result.
    let job = Job { log: None, ..job.clone() };
    headers.set(JOB_FIELD, &STANDARD.encode(serde_json::to_vec(&job)?))?;
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
