//! The runtime's clock, its log and its promises.

use js_sys::Promise;
use serde_json::json;
use worker::wasm_bindgen_futures::JsFuture;

/// The current time in milliseconds since the epoch; the runtime moves it at I/O only.
pub fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

/// One line of JSON in the log. Never payloads, keys or tokens.
pub fn log_line(event: &str, what: &str) {
    // A job's story may fill pages; a line does not.
    let what: String = what.chars().take(500).collect();
    worker::console_log!("{}", json!({ "event": event, "what": what }));
}

/// The text that a promise comes to; an error says why there is none.
pub async fn text(promise: Promise) -> Result<String, String> {
    let text = JsFuture::from(promise).await.map_err(|error| worker::Error::from(error).to_string())?;
    text.as_string().ok_or_else(|| "not a text".to_owned())
}
