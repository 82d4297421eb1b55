#![allow(missing_docs, reason = "the `durable_object` attribute writes methods that cannot be documented")]

use std::rc::Rc;

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{
    DurableObject, Env, Headers, Request, Response, Result, State, WebSocket, WebSocketIncomingMessage, WebSocketPair,
    durable_object,
};

use forebay_account::{ClientMessage, Core, Life, Opened, accept, answer, closed, hear, open};
use futures_util::TryStreamExt as _;

use super::workerd::{Held, Workerd, broken};

/// One shard of one account: its jobs, its limits and its outbox. What it does is in `forebay-account`; this is
/// its way into the runtime and out of it.
#[durable_object]
pub struct Account {
    workerd: Rc<Workerd>,
    life: Life<Core>,
}

impl DurableObject for Account {
    fn new(state: State, env: Env) -> Self {
        let workerd = Workerd::new(state, env);
        Self { life: Life::new(workerd.clone()), workerd }
    }

    /// What lasts; everything else is asked by [`Account::ask`].
    async fn fetch(&self, request: Request) -> Result<Response> {
        // Not `Request::url`: its parser brings the tables of international domain names along, a fifth of the bundle.
        let url = request.inner().url();
        let query = url.split_once('?').map_or("", |(_, query)| query);
        match open(&self.core()?, query).map_err(broken)? {
            Opened::Not(status, why) => Response::error(why, status),
            Opened::Over => Ok(Response::empty()?.with_status(204)),
            Opened::Stream(listener) => {
                let headers = Headers::new();
                headers.set("content-type", "text/event-stream; charset=utf-8")?;
                Ok(Response::from_stream(listener.bytes().map_err(broken))?.with_headers(headers))
            }
            Opened::Socket(wanted) => {
                let pair = WebSocketPair::new()?;
                accept(&self.core()?, self.workerd.accept(pair.server), wanted);
                Response::from_websocket(pair.client)
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.life.ring().await.map_err(broken)?;
        Response::empty()
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        let said = match message {
            WebSocketIncomingMessage::String(text) => ClientMessage::Text(text),
            WebSocketIncomingMessage::Binary(_) => ClientMessage::Bytes,
        };
        hear(&self.core()?, &Held::of(socket), said).map_err(broken)
    }

    async fn websocket_close(&self, socket: WebSocket, code: usize, _: String, _: bool) -> Result<()> {
        closed(&self.core()?, &Held::of(socket), code);
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, _: worker::Error) -> Result<()> {
        closed(&self.core()?, &Held::of(socket), 0);
        Ok(())
    }
}

#[wasm_bindgen(wasm_bindgen_futures = ::worker::wasm_bindgen_futures)]
impl Account {
    /// The answer to a `Call`, as JSON; an error is read by our own Worker alone, which logs it and hides it.
    pub async fn ask(&self, call: String) -> std::result::Result<String, JsValue> {
        let answer = async { answer(self.core()?, call).await.map_err(broken) };
        Ok(answer.await?)
    }
}

impl Account {
    fn core(&self) -> Result<Rc<Core>> {
        self.life.inside().map_err(broken)
    }
}
