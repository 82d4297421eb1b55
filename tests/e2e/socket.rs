//! A WebSocket client, as programs and browsers are.

use std::{net::TcpStream, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tungstenite::{
    Error, Message, WebSocket, client,
    client::IntoClientRequest as _,
    http::{HeaderValue, StatusCode},
};

use crate::stack::Stack;

/// One WebSocket of one caller.
pub struct Socket {
    inner: WebSocket<TcpStream>,
    /// What the edge chose of the subprotocols offered.
    pub protocol: Option<String>,
}

impl Socket {
    /// Connects with these header fields.
    pub fn open(stack: &Stack, path: &str, headers: &[(&str, &str)]) -> Result<Self> {
        let url = format!("ws://{}{path}", stack.address()?);
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            let name = tungstenite::http::HeaderName::from_bytes(name.as_bytes())?;
            request.headers_mut().insert(name, HeaderValue::from_str(value)?);
        }
        let stream = TcpStream::connect(stack.address()?)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let (inner, response) = match client(request, stream) {
            Ok(opened) => opened,
            Err(error) => bail!("no socket: {error}"),
        };
        ensure!(response.status() == StatusCode::SWITCHING_PROTOCOLS, "{}", response.status());
        let protocol = response.headers().get("sec-websocket-protocol");
        let protocol = protocol.map(|value| value.to_str().map(str::to_owned)).transpose()?;
        Ok(Self { inner, protocol })
    }

    /// Sends what is to be watched, or no longer.
    pub fn say(&mut self, wish: &Value) -> Result<()> {
        Ok(self.inner.send(Message::text(wish.to_string()))?)
    }

    /// The next text; a farewell is an error.
    pub fn hear(&mut self) -> Result<Value> {
        loop {
            match self.inner.read()? {
                Message::Text(text) => return serde_json::from_str(text.as_str()).context("not JSON"),
                Message::Close(why) => bail!("closed: {why:?}"),
                _ => {}
            }
        }
    }

    /// The next text, which must be about a job.
    pub fn hear_job(&mut self) -> Result<Value> {
        let news = self.hear()?;
        ensure!(news["type"] == "job", "{news}");
        Ok(news)
    }

    /// The next problem; positions are passed over.
    pub fn hear_problem(&mut self) -> Result<Value> {
        loop {
            let news = self.hear()?;
            if news["type"] == "error" {
                return Ok(news["problem"].clone());
            }
        }
    }

    /// The code that the other side closes with.
    pub fn hear_end(&mut self) -> Result<u16> {
        loop {
            match self.inner.read() {
                Ok(Message::Close(Some(why))) => return Ok(why.code.into()),
                Ok(Message::Close(None)) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => bail!("no code"),
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
