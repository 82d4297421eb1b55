//! What every handler gets: the environment, the moment and the request.

use std::{cell::Cell, rc::Rc};

use worker::{Context, Env};

use crate::{config::Config, http::Incoming};

/// What surrounds one request.
pub struct Cx {
    /// The Worker's bindings: its namespace, its objects, its rate limit.
    pub env: Env,
    /// Work that outlives the answer.
    pub context: Context,
    /// What the operator set.
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
