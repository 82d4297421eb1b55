//! `GET /healthz`

use serde::Serialize;

use crate::{
    answer::{self, Answer},
    cx::Stop,
};

/// That it runs.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Health {
    /// `ok`: the Worker runs and is configured.
    status: &'static str,
    /// The edge's version.
    version: &'static str,
}

/// Answers when the Worker runs and is configured; what it depends on has its own alarms.
pub fn get() -> Result<Answer, Stop> {
    answer::json(200, &Health { status: "ok", version: env!("CARGO_PKG_VERSION") }, Vec::new())
}
