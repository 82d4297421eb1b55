//! Results that were delivered here before: in the Cache API, where one colo has them for all its isolates, and in front
//! of it, unless they are too large, in the isolate's own memory.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use forebay_contract::Digest;
use serde_json::value::RawValue;
use worker::{Cache, Headers, Response, web_sys};

use crate::{
    aws::s3,
    cx::{Cx, log_line, now_ms},
    expiring::Expiring,
    runtime,
};
use forebay_account::Job;

/// Carries the job a cached result was made by.
const JOB_FIELD: &str = "forebay-job";
/// Results never change; they do go, with the bucket's own lifetime.
const MAX_AGE_S: u64 = 604_800;

/// How long a cache that failed is left alone.
const PAUSE_MS: u64 = 60_000;

/// JSON up to here travels inside the answer of a hit, in bytes.
pub const INLINE_BYTES: u64 = 65_536;
/// Results up to here are remembered where somebody reads them a second time, in bytes.
pub const REMEMBERED_BYTES: u64 = 1 << 20;
/// How long an isolate goes by its own memory.
const REMEMBER_MS: u64 = 60_000;
/// All together, in bytes: an eighth of what an isolate may use.
const MOST_REMEMBERED: usize = 16 << 20;
/// What an entry takes besides the result, in bytes.
const ENTRY: usize = 2_048;

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
    /// The result itself, where somebody wanted it and it is not too large.
    pub content: Option<Rc<Content>>,
}

/// A result.
pub enum Content {
    /// What is JSON.
    Json(Box<RawValue>),
    /// What is not, and its type.
    Other(String, Vec<u8>),
}

impl Cached {
    /// The result, where it is JSON and short enough to travel inside another answer.
    pub fn inline(&self) -> Option<Box<RawValue>> {
        match self.content.as_deref() {
            Some(Content::Json(json)) if json.get().len() as u64 <= INLINE_BYTES => Some(json.clone()),
            _ => None,
        }
    }

    fn weight(&self) -> usize {
        let content = match self.content.as_deref() {
            Some(Content::Json(json)) => json.get().len(),
            Some(Content::Other(_, bytes)) => bytes.len(),
            None => 0,
        };
        ENTRY + content
    }
}

/// The result of `digest`, when this isolate remembers it.
pub fn recall(digest: &Digest, now_ms: u64) -> Option<Rc<Cached>> {
    REMEMBERED.with_borrow(|remembered| remembered.get(digest, now_ms))
}

/// The result of `digest`, when this colo has it, with its content where that is at most `most_bytes`. A cache that fails
/// is a cache that has nothing.
pub async fn get(digest: &Digest, most_bytes: u64) -> Option<Rc<Cached>> {
    let now = now_ms();
    let is_enough = |cached: &Rc<Cached>| cached.content.is_some() || !is_within(&cached.job, most_bytes);
    if let Some(cached) = recall(digest, now).filter(is_enough) {
        return Some(cached);
    }
    let cached = Rc::new(read(&stored(digest).await?, most_bytes).await?);
    remember(cached.clone(), now);
    Some(cached)
}

/// Remembers that a younger job of the same account has the same result: its URL shows it for longer.
pub fn renew(cached: &Cached, job: &Job, now_ms: u64) {
    let (is_younger, same) = (job.id > cached.job.id, job.id.shard() == cached.job.id.shard());
    if is_younger && same && job.no_store == 0 && job.degraded.is_none() {
        let job = Job { log: None, ..job.clone() };
        remember(Rc::new(Cached { job, content: cached.content.clone() }), now_ms);
    }
}

fn remember(cached: Rc<Cached>, now_ms: u64) {
    let (digest, weight) = (cached.job.digest, cached.weight());
    REMEMBERED.with_borrow_mut(|remembered| remembered.put_weighing(digest, cached, weight, now_ms));
}

/// The stored answer to a request for the result of `digest`, headers and body, when this colo has it.
pub async fn stored(digest: &Digest) -> Option<web_sys::Response> {
    if now_ms() < PAUSED_UNTIL_MS.get() {
        return None;
    }
    runtime::cached(&url(digest)).await.unwrap_or_else(|error| {
        complain(&error);
        None
    })
}

/// Whether the job's result is known to have at most so many bytes.
pub fn is_within(job: &Job, most_bytes: u64) -> bool {
    job.bytes.is_some_and(|bytes| bytes <= most_bytes)
}

async fn read(response: &web_sys::Response, most_bytes: u64) -> Option<Cached> {
    let field = response.headers().get(JOB_FIELD).ok()??;
    let job: Job = serde_json::from_slice(&STANDARD.decode(field).ok()?).ok()?;
    let content = if is_within(&job, most_bytes) {
        let bytes = runtime::body_bytes(response).await.ok()?;
        Some(Rc::new(content(job.media_type.as_deref().unwrap_or("application/octet-stream"), bytes)?))
    } else {
        None
    };
    Some(Cached { job, content })
}

fn content(media_type: &str, bytes: Vec<u8>) -> Option<Content> {
    Some(match media_type {
        "application/json" => Content::Json(RawValue::from_string(String::from_utf8(bytes).ok()?).ok()?),
        other => Content::Other(other.to_owned(), bytes),
    })
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
    let stored_ms = s3::stored_ms(response).or(job.stored_ms);
    let job = Job { log: None, stored_ms, ..job.clone() };
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
