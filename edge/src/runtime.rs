//! Steps where the runtime's own objects are handled by its own language: what a request says, its body, a call of an
//! object, an exchange with a queue, an answer. The `worker` crate takes each of them apart into a dozen crossings between
//! wasm and JavaScript.

use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use worker::{Env, wasm_bindgen_futures::JsFuture, web_sys};

use forebay_account::platform::CallError;

#[wasm_bindgen(inline_js = r#"
// Every step of every future passes through here, and the runtime's own version costs many times a promise's reaction.
globalThis.queueMicrotask = (task) => { Promise.resolve().then(task); };

const ABSENT = "\0";
const NAMES = [
  "authorization", "cf-connecting-ip", "content-type", "content-encoding", "content-length", "prefer", "traceparent",
  "x-model-version", "idempotency-key", "cache-control", "cf-turnstile-response", "if-none-match", "forebay-signature",
];


// Asking for a dozen costs less than going through four.
export function incoming(request) {
  const { headers } = request;
  let lines = `${request.method}\n${request.url}`;
  for (const name of NAMES) lines += `\n${headers.get(name) ?? ABSENT}`;
  return lines;
}

export function count_headers(request) {
  let count = 0;
  for (const _ of request.headers.keys()) count += 1;
  return count;
}

export async function bytes_of(message) {
  return new Uint8Array(await message.arrayBuffer());
}

// A call of a method costs less than a request, which is a stream of bytes each way.
export async function ask(env, binding, name, call, patience) {
  let timer;
  const late = new Promise((_, refuse) => {
    const refuses = () => refuse(Object.assign(new Error(`no answer within ${patience} ms`), { retryable: true }));
    timer = setTimeout(refuses, patience);
  });
  try {
    return await Promise.race([env[binding].getByName(name).ask(call), late]);
  } finally {
    clearTimeout(timer);
  }
}

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

// One crossing each way, however many columns a row has.
export function run_sql(storage, statement, values, named) {
  const { sql } = storage;
  // Several statements stand or fall together.
  if (!values && statement.includes(";")) return storage.transactionSync(() => (sql.exec(statement), "[]"));
  const cursor = values ? sql.exec(statement, ...JSON.parse(values)) : sql.exec(statement);
  return JSON.stringify(named ? cursor.toArray() : [...cursor.raw()]);
}

export function match(url) {
  return caches.default.match(url);
}
"#)]
extern "C" {
    #[wasm_bindgen(js_name = incoming)]
    fn incoming_lines(request: &web_sys::Request) -> String;
    // `catch`, for of functions that need no glue wasm-bindgen names a module once each, and a bundle may name it once.
    #[wasm_bindgen(catch)]
    fn bytes_of(message: &JsValue) -> Result<Promise, JsValue>;
    /// How many header fields of different names a request has.
    pub fn count_headers(request: &web_sys::Request) -> u32;
    fn ask(env: &JsValue, binding: &str, name: &str, call: &str, patience_ms: f64) -> Promise;
    #[wasm_bindgen(js_name = exchange)]
    fn exchange_texts(url: &str, fields: &str, body: &str, patience_ms: f64) -> Promise;
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
    #[wasm_bindgen(catch, js_name = pass)]
    fn pass_response(found: &web_sys::Response, fields: &str) -> Result<web_sys::Response, JsValue>;
    #[wasm_bindgen(catch)]
    fn run_sql(storage: &JsValue, statement: &str, values: Option<&str>, named: bool) -> Result<String, JsValue>;
    #[wasm_bindgen(catch, js_name = match)]
    fn match_url(url: &str) -> Result<Promise, JsValue>;
}

/// What a request says besides its body: the fields that somebody here asks for.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    pub method: String,
    pub url: String,
    pub authorization: Option<String>,
    pub connecting_ip: Option<String>,
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub content_length: Option<String>,
    pub prefer: Option<String>,
    pub traceparent: Option<String>,
    pub model_version: Option<String>,
    pub idempotency_key: Option<String>,
    pub cache_control: Option<String>,
    pub turnstile_response: Option<String>,
    pub if_none_match: Option<String>,
    pub signature: Option<String>,
}

impl Incoming {
    /// Whether the header of the answer is all that is wanted.
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Of a request, in one crossing: fields have no line breaks, so one text carries them all.
    pub fn of(request: &web_sys::Request) -> Self {
        let text = incoming_lines(request);
        let mut lines = text.split('\n');
        let mut line = || lines.next().unwrap_or_default().to_owned();
        let (method, url) = (line(), line());
        let mut field = || Some(line()).filter(|text| text != "\0");
        // In the order of NAMES.
        Self {
            method,
            url,
            authorization: field(),
            connecting_ip: field(),
            content_type: field(),
            content_encoding: field(),
            content_length: field(),
            prefer: field(),
            traceparent: field(),
            model_version: field(),
            idempotency_key: field(),
            cache_control: field(),
            turnstile_response: field(),
            if_none_match: field(),
            signature: field(),
        }
    }
}

/// The body of a request or a response.
pub async fn body_bytes(message: &JsValue) -> Result<Vec<u8>, String> {
    let read = async { JsFuture::from(bytes_of(message)?).await };
    let bytes = read.await.map_err(|error| worker::Error::from(error).to_string())?;
    bytes.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).ok_or_else(|| "not bytes".to_owned())
}

/// A class of Durable Objects.
#[derive(Debug, Clone, Copy)]
pub enum Class {
    /// One an account.
    Account,
    /// One a lane, and one a scope of shared limits.
    Lane,
}

/// What the object `name` of `class` answers to `call` within so long: its method `ask`.
pub async fn ask_object(
    env: &Env,
    class: Class,
    name: &str,
    call: &str,
    patience_ms: u64,
) -> Result<String, CallError> {
    let binding = match class {
        Class::Account => "ACCOUNT",
        Class::Lane => "LANE",
    };
    let asked = ask(env.as_ref(), binding, name, call, patience_ms as f64);
    let answer = JsFuture::from(asked).await.map_err(|error| {
        let says = |word: &str| Reflect::get(&error, &word.into()).is_ok_and(|value| value.is_truthy());
        let (overloaded, retryable) = (says("overloaded"), says("retryable"));
        CallError { what: worker::Error::from(error).to_string(), overloaded, retryable }
    })?;
    answer.as_string().ok_or_else(|| CallError::new("not a text"))
}

/// The rows that a statement gives, as JSON; an error says what SQLite did not like. `values` is a JSON list.
pub fn sql(storage: &JsValue, statement: &str, values: Option<&str>, named: bool) -> Result<String, String> {
    run_sql(storage, statement, values, named).map_err(|error| worker::Error::from(error).to_string())
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

async fn text(promise: Promise) -> Result<String, String> {
    let text = JsFuture::from(promise).await.map_err(|error| worker::Error::from(error).to_string())?;
    text.as_string().ok_or_else(|| "not a text".to_owned())
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

/// What the Cache API has under `url`.
pub async fn cached(url: &str) -> worker::Result<Option<web_sys::Response>> {
    Ok(JsFuture::from(match_url(url)?).await?.dyn_into().ok())
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
