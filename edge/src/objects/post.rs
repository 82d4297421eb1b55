//! Posting one delivery: no redirect is followed, no answer is read, no target keeps us longer than the timeout.

use js_sys::Promise;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen_futures::JsFuture;

use forebay_account::{DeliveryError, platform::Post};

#[wasm_bindgen(inline_js = r#"
export async function post(url, id, timestamp, signature, body, patience) {
  const abort = new AbortController();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    abort.abort();
  }, patience);
  const headers = {
    "content-type": "application/json",
    "user-agent": "forebay-webhooks",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signature,
  };
  try {
    const answer = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal: abort.signal });
    // What is not read is not waited for either.
    answer.body?.cancel().catch(() => {});
    return answer.status;
  } catch {
    return late ? 0 : -1;
  } finally {
    clearTimeout(timer);
  }
}
"#)]
extern "C" {
    #[wasm_bindgen(js_name = post)]
    fn post_text(url: &str, id: &str, timestamp: &str, signature: &str, body: &str, patience_ms: f64) -> Promise;
}

/// The status of the answer.
pub(super) async fn post(post: Post<'_>) -> Result<u16, DeliveryError> {
    let timestamp = post.timestamp_s.to_string();
    let asked = post_text(post.url, post.id, &timestamp, post.signature, post.body, post.timeout_ms as f64);
    match JsFuture::from(asked).await.ok().and_then(|status| status.as_f64()) {
        Some(0.0) => Err(DeliveryError::Timeout),
        Some(status) if (100.0..1000.0).contains(&status) => Ok(status as u16),
        _ => Err(DeliveryError::Unreachable),
    }
}
