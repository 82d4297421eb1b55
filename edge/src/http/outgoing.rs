//! What we send, written by the runtime's own language: requests of our own, and responses. Each goes in one crossing
//! between wasm and JavaScript.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{Context, wasm_bindgen_futures::JsFuture, web_sys};

use crate::runtime::text;

#[wasm_bindgen(inline_js = r#"
function headersOf(fields) {
  const headers = {};
  for (const line of fields.split("\n")) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon)] = line.slice(colon + 1);
  }
  return headers;
}

export async function exchange(url, fields, body, patience) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Error(`no answer within ${patience} ms`)), patience);
  try {
    const answer = await fetch(url, { method: "POST", headers: headersOf(fields), body, signal: abort.signal });
    return `${answer.status}\n${await answer.text()}`;
  } finally {
    clearTimeout(timer);
  }
}

export function ask_for(method, url, fields, body, redirect) {
  return new Request(url, { method, headers: fields ? headersOf(fields) : {}, body, redirect });
}

export function respond(status, body, fields) {
  return new Response(body, { status, headers: headersOf(fields) });
}

export function respondBytes(body, fields) {
  // A copy: the program's memory is its own, and moves.
  return new Response(body.slice(), { headers: headersOf(fields) });
}

export function pass(found, fields) {
  const headers = headersOf(fields);
  for (const name of ["content-type", "content-length"]) {
    const value = found.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  return new Response(found.body, { headers });
}

// A stream hands on what its reader takes: the pipe ends well once the client's connection has taken the last byte, and
// fails where that breaks. https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/
export function followed(found, heard) {
  const length = found.headers.get("content-length");
  const { readable, writable } =
    length === null ? new IdentityTransformStream() : new FixedLengthStream(BigInt(length));
  heard(found.body.pipeTo(writable));
  return new Response(readable, { headers: found.headers });
}
"#)]
extern "C" {
    #[wasm_bindgen(js_name = exchange)]
    fn exchange_texts(url: &str, fields: &str, body: &str, patience_ms: f64) -> Promise;
    // `catch`, for of functions that need no glue wasm-bindgen names a module once each, and a bundle may name it once.
    #[wasm_bindgen(catch)]
    fn ask_for(
        method: &str,
        url: &str,
        fields: &str,
        body: Option<Uint8Array>,
        redirect: &str,
    ) -> Result<web_sys::Request, JsValue>;
    #[wasm_bindgen(catch, js_name = respond)]
    fn respond_text(status: u16, body: Option<&str>, fields: &str) -> Result<web_sys::Response, JsValue>;
    #[wasm_bindgen(catch, js_name = respondBytes)]
    fn respond_bytes(body: &[u8], fields: &str) -> Result<web_sys::Response, JsValue>;
    #[wasm_bindgen(catch, js_name = followed)]
    fn follow_response(found: &web_sys::Response, heard: &mut dyn FnMut(Promise))
    -> Result<web_sys::Response, JsValue>;
    #[wasm_bindgen(catch, js_name = pass)]
    fn pass_response(found: &web_sys::Response, fields: &str) -> Result<web_sys::Response, JsValue>;
}

/// What happens where an answer says that it is elsewhere.
#[derive(Debug, Clone, Copy)]
pub enum Redirect {
    /// It is asked there.
    Follow,
    /// That is the answer.
    Manual,
}

/// A request that we make ourselves.
pub fn request(
    method: &str,
    url: &str,
    fields: &[(&str, &str)],
    body: Option<&[u8]>,
    redirect: Redirect,
) -> worker::Result<worker::Request> {
    let redirect = match redirect {
        Redirect::Follow => "follow",
        Redirect::Manual => "manual",
    };
    Ok(ask_for(method, url, &lines(fields), body.map(Uint8Array::from), redirect)?.into())
}

/// A text to POST.
pub struct Post<'a> {
    pub url: &'a str,
    pub fields: &'a [(&'a str, &'a str)],
    pub body: &'a str,
    /// Until the whole answer is there, in milliseconds.
    pub timeout_ms: u64,
}

/// The answer to a text: its status, and its body.
pub async fn exchange(post: Post<'_>) -> Result<(u16, String), String> {
    let asked = exchange_texts(post.url, &lines(post.fields), post.body, post.timeout_ms as f64);
    let answer = text(asked).await?;
    let (status, body) = answer.split_once('\n').unwrap_or_default();
    Ok((status.parse().map_err(|_| "no status".to_owned())?, body.to_owned()))
}

/// A response of text, or of nothing. Header fields have no line breaks and their names no colons, so one text carries
/// them all.
pub fn respond(status: u16, body: Option<&str>, fields: &[(&str, &str)]) -> worker::Result<web_sys::Response> {
    Ok(respond_text(status, body, &lines(fields))?)
}

/// A response of bytes, with status 200.
pub fn respond_with_bytes(body: &[u8], fields: &[(&str, &str)]) -> worker::Result<web_sys::Response> {
    Ok(respond_bytes(body, &lines(fields))?)
}

/// The body of what was found, of its type and length, under other fields; it goes through without being read here.
pub fn pass(found: &web_sys::Response, fields: &[(&str, &str)]) -> worker::Result<web_sys::Response> {
    Ok(pass_response(found, &lines(fields))?)
}

/// The same response; once the client's connection has taken all of its body, `then` is done. Where that breaks, it is not.
pub fn followed(
    context: &Context,
    found: &web_sys::Response,
    then: impl Future<Output = ()> + 'static,
) -> worker::Result<web_sys::Response> {
    let mut taken = None;
    let response = follow_response(found, &mut |promise| taken = Some(promise))?;
    if let Some(taken) = taken {
        context.wait_until(async move {
            if JsFuture::from(taken).await.is_ok() {
                then.await;
            }
        });
    }
    Ok(response)
}

fn lines(fields: &[(&str, &str)]) -> String {
    let mut lines = String::with_capacity(fields.iter().map(|(name, value)| name.len() + value.len() + 2).sum());
    for (name, value) in fields {
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(name);
        lines.push(':');
        lines.push_str(value);
    }
    lines
}
