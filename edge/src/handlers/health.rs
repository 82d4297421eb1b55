//! `GET /healthz`

use serde_json::json;

use crate::{
    answer::{self, Answer},
    cx::Stop,
};

/// Answers when the Worker runs and is configured; what it depends on has its own alarms.
pub fn get() -> Result<Answer, Stop> {
    answer::json(200, &json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }), Vec::new())
}
