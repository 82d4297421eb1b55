//! What a request says, read by the runtime's own language: the `worker` crate takes a request apart into a dozen
//! crossings between wasm and JavaScript.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use worker::{wasm_bindgen_futures::JsFuture, web_sys};

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
"#)]
extern "C" {
    #[wasm_bindgen(js_name = incoming)]
    fn incoming_lines(request: &web_sys::Request) -> String;
    // `catch`, for of functions that need no glue wasm-bindgen names a module once each, and a bundle may name it once.
    #[wasm_bindgen(catch)]
    fn bytes_of(message: &JsValue) -> Result<Promise, JsValue>;
    /// How many header fields of different names a request has.
    pub fn count_headers(request: &web_sys::Request) -> u32;
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
