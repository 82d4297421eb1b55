//! Results that were delivered here before: in the Cache API, where one colo has them for all its isolates, and in front
//! of it, unless they are too large, in the isolate's own memory.

mod memory;

use std::rc::Rc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use forebay_contract::Digest;
use js_sys::Promise;
use serde_json::value::RawValue;
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use worker::{Cache, Headers, Response, wasm_bindgen_futures::JsFuture, web_sys};

pub use self::memory::{Cached, Content, INLINE_BYTES, Results};
use crate::{
    aws::s3,
    cx::Cx,
    http::body_bytes,
    isolate,
    runtime::{log_line, now_ms},
};
use forebay_account::Job;

#[wasm_bindgen(inline_js = r#"
export function match(url) {
  return caches.default.match(url);
}
"#)]
extern "C" {
    // `catch`, for of functions that need no glue wasm-bindgen names a module once each, and a bundle may name it once.
    #[wasm_bindgen(catch, js_name = match)]
    fn match_url(url: &str) -> Result<Promise, JsValue>;
}

/// Carries the job a cached result was made by.
const JOB_FIELD: &str = "forebay-job";
/// Results never change; they do go, with the bucket's own lifetime.
const MAX_AGE_S: u64 = 604_800;

/// Results up to here are remembered where somebody reads them a second time, in bytes.
pub const REMEMBERED_BYTES: u64 = 1 << 20;

/// The result of `digest`, when this colo has it, with its content where that is at most `most_bytes`. A cache that fails
/// is a cache that has nothing.
pub async fn get(digest: &Digest, most_bytes: u64) -> Option<Rc<Cached>> {
    let now = now_ms();
    let is_enough = |cached: &Rc<Cached>| cached.content.is_some() || !is_within(&cached.job, most_bytes);
    if let Some(cached) = isolate::with(|isolate| isolate.results.get(digest, now)).filter(is_enough) {
        return Some(cached);
    }
    let cached = Rc::new(read(&stored(digest).await?, most_bytes).await?);
    isolate::with(|isolate| isolate.results.put(Rc::clone(&cached), now));
    Some(cached)
}

/// The stored answer to a request for the result of `digest`, headers and body, when this colo has it.
pub async fn stored(digest: &Digest) -> Option<web_sys::Response> {
    if isolate::with(|isolate| isolate.results.is_paused(now_ms())) {
        return None;
    }
    matched(&url(digest)).await.unwrap_or_else(|error| {
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
        let bytes = body_bytes(response).await.ok()?;
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

/// Forgets a result that is erased: in this isolate at once, in this colo in the background. Other colos' copies are out of
/// reach of `cache.delete` (<https://developers.cloudflare.com/workers/reference/how-the-cache-works/>): whoever finds one
/// asks the account's object before it is given to anybody, and comes here.
pub fn forget(cx: &Cx, digest: &Digest) {
    isolate::with(|isolate| isolate.results.forget(digest));
    let url = url(digest);
    cx.context.wait_until(async move {
        if let Err(error) = Cache::default().delete(url, true).await {
            complain(&error);
        }
    });
}

/// Only this Worker reads the cache, and it asks for digests alone: the host is a name, not an address.
fn url(digest: &Digest) -> String {
    format!("https://results.forebay.internal/{digest}")
}

/// A runtime without a cache works all the same, and says so once a minute.
fn complain(error: &worker::Error) {
    isolate::with(|isolate| isolate.results.pause(now_ms()));
    log_line("cache-unavailable", &error.to_string());
}

/// What the Cache API has under `url`.
async fn matched(url: &str) -> worker::Result<Option<web_sys::Response>> {
    Ok(JsFuture::from(match_url(url)?).await?.dyn_into().ok())
}
