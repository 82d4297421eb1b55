//! Three steps where the runtime's own objects are handled by its own language: a call of an Account object, an answer
//! and a body. The `worker` crate takes each of them apart into a dozen crossings between wasm and JavaScript.

use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{Env, wasm_bindgen_futures::JsFuture, web_sys};

#[wasm_bindgen(inline_js = r#"
export async function ask(env, name, body) {
  const answer = await env.ACCOUNT.getByName(name).fetch("https://account/", { method: "POST", body });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(text);
  return text;
}

export function respond(status, body, fields) {
  const headers = {};
  for (const line of fields.split("\n")) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon)] = line.slice(colon + 1);
  }
  return new Response(body, { status, headers });
}
"#)]
extern "C" {
    fn ask(env: &JsValue, name: &str, body: &str) -> Promise;
    #[wasm_bindgen(catch, js_name = respond)]
    fn new_response(status: u16, body: &str, fields: &str) -> Result<web_sys::Response, JsValue>;
}

/// What the Account object `name` answers to `body`.
pub async fn ask_account(env: &Env, name: &str, body: &str) -> Result<String, String> {
    let answer =
        JsFuture::from(ask(env.as_ref(), name, body)).await.map_err(|error| worker::Error::from(error).to_string())?;
    answer.as_string().ok_or_else(|| "not a text".to_owned())
}

/// A response of text. Header fields have no line breaks and their names no colons, so one text carries them all.
pub fn respond(status: u16, body: &str, fields: &[(&str, &str)]) -> worker::Result<web_sys::Response> {
    let lines: Vec<String> = fields.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    Ok(new_response(status, body, &lines.join("\n"))?)
}
