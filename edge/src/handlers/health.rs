//! `GET /healthz`

use serde_json::json;
use worker::Response;

use crate::{answer, cx::Stop};

/// Answers when the Worker runs and is configured; what it depends on has its own alarms.
pub fn get() -> Result<Response, Stop> {
    answer::json(200, &json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }), &[])
}
