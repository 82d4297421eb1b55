//! The runtime's clock and its log.

use serde_json::json;

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
