#![allow(missing_docs, reason = "the `durable_object` attribute writes methods that cannot be documented")]

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use forebay_account::{LaneCore, Life, answer_lane};

use super::workerd::{Workerd, broken};

/// One lane, or one scope of shared limits.
#[durable_object]
pub struct Lane {
    life: Life<LaneCore>,
}

impl DurableObject for Lane {
    fn new(state: State, env: Env) -> Self {
        Self { life: Life::new(Workerd::new(state, env)) }
    }

    async fn fetch(&self, _request: Request) -> Result<Response> {
        Response::error("call `ask`", 404)
    }

    async fn alarm(&self) -> Result<Response> {
        self.life.ring().await.map_err(broken)?;
        Response::empty()
    }
}

#[wasm_bindgen(wasm_bindgen_futures = ::worker::wasm_bindgen_futures)]
impl Lane {
    /// The answer to a `LaneCall`, as JSON; an error is read by our own Worker alone, which logs it and hides it.
    pub async fn ask(&self, call: String) -> std::result::Result<String, JsValue> {
        let answered = async { answer_lane(self.life.inside().map_err(broken)?, call).await.map_err(broken) };
        Ok(answered.await?)
    }
}
