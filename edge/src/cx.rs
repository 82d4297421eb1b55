//! What every handler gets: the environment and the moment; and how it stops.

use std::{cell::Cell, rc::Rc};

use forebay_contract::{ProblemCode, hex};
use serde_json::json;
use worker::{Context, Env};

use crate::{config::Config, entropy, runtime::Incoming};
use forebay_admission::Refusal;

/// One request's surroundings.
pub struct Cx {
    /// Bindings.
    pub env: Env,
    /// Work that outlives the answer.
    pub context: Context,
    /// Variables and secrets.
    pub config: Rc<Config>,
    /// When the request came, in milliseconds since the epoch.
    pub now_ms: u64,
    /// What the request says besides its body.
    pub incoming: Incoming,
    /// How many calls of objects were made for it so far.
    pub asked: Rc<Cell<u32>>,
}

impl Cx {
    /// One more object is asked.
    pub fn asks(&self) {
        self.asked.set(self.asked.get() + 1);
    }
}

/// Why a request ends early.
#[derive(Debug)]
pub enum Stop {
    /// The caller can do something about it.
    Refused(Refusal),
    /// We must: the text is for the log alone.
    Broken(String),
}

impl Stop {
    /// Something went wrong on our side.
    pub fn broken(why: impl Into<String>) -> Self {
        Self::Broken(why.into())
    }

    /// The refusal the caller sees, and what only the log does.
    pub fn told(self) -> (Refusal, Option<String>) {
        match self {
            Self::Refused(refusal) => (refusal, None),
            Self::Broken(why) => {
                let detail = "try again; if it stays, tell the operator the request_id";
                (Refusal::new(ProblemCode::Internal, detail), Some(why))
            }
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<forebay_account::platform::Error> for Stop {
    fn from(error: forebay_account::platform::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<worker::Error> for Stop {
    fn from(error: worker::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// The current time in milliseconds since the epoch; the runtime moves it at I/O only.
pub fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

/// A fresh request id.
pub fn request_id() -> String {
    hex(&entropy::drawn::<16>())
}

/// One line of JSON in the log. Never payloads, keys or tokens.
pub fn log_line(event: &str, what: &str) {
    // A job's story may fill pages; a line does not.
    let what: String = what.chars().take(500).collect();
    worker::console_log!("{}", json!({ "event": event, "what": what }));
}
