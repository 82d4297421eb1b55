//! One WebSocket (RFC 6455). It is opened as any call is made: through the same proxy, by the same certificates, and
//! refused with the same problems.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::{StatusCode, header, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::{client::generate_key, derive_accept_key},
        protocol::{Role, WebSocketConfig},
    },
};

use super::{Call, Client, error::Error};

/// The longest message, in bytes; more is not read.
const LONGEST_MESSAGE: usize = 1 << 20;
/// A service that is silent for so long is asked whether it is there; after as long again it is taken for gone.
const QUIET: Duration = Duration::from_secs(20);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// A WebSocket that is open, and whether it is to give a sign of life.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<TokioIo<Upgraded>>,
    /// Whether the service was asked and has not answered yet.
    is_asked: bool,
}

impl Socket {
    /// Opens one at `path`; [`Error::Foreign`] where something between does not let it through.
    pub(crate) async fn open(client: &Client, path: &str) -> Result<Self, Error> {
        let key = generate_key();
        let headers = vec![
            ("connection", "Upgrade".to_owned()),
            ("upgrade", "websocket".to_owned()),
            ("sec-websocket-version", "13".to_owned()),
            ("sec-websocket-key", key.clone()),
        ];
        let request = client.request(&Call { headers, ..Call::get(path.to_owned()) })?;
        let opening = timeout(client.0.idle_timeout, client.0.transport.open(request)).await;
        let response = opening.map_err(|_| broke("it did not open in time"))??;
        let accept = response.headers().get(header::SEC_WEBSOCKET_ACCEPT).map(|field| field.as_bytes());
        let is_ours = accept == Some(derive_accept_key(key.as_bytes()).as_bytes());
        if response.status() != StatusCode::SWITCHING_PROTOCOLS || !is_ours {
            return Err(Error::Foreign("no WebSocket comes through to the service".to_owned()));
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| broke(&error.to_string()))?;
        let config =
            WebSocketConfig::default().max_message_size(Some(LONGEST_MESSAGE)).max_frame_size(Some(LONGEST_MESSAGE));
        let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await;
        Ok(Self { stream, is_asked: false })
    }

    /// Sends a text message.
    pub(crate) async fn say(&mut self, text: String) -> Result<(), Error> {
        self.send(Message::text(text)).await
    }

    /// What the service says next. May be dropped while it waits: nothing is lost.
    pub(crate) async fn hear(&mut self) -> Result<String, Error> {
        loop {
            let Ok(heard) = timeout(QUIET, self.stream.next()).await else {
                if std::mem::replace(&mut self.is_asked, true) {
                    return Err(broke("silence"));
                }
                self.send(Message::Ping(Bytes::new())).await?;
                continue;
            };
            self.is_asked = false;
            match heard {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(Some(why)))) if !why.reason.is_empty() => return Err(broke(&why.reason)),
                Some(Ok(Message::Close(_))) | None => return Err(broke("the service closed it")),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(broke(&error.to_string())),
            }
        }
    }

    /// Ends it, as politely as a moment allows.
    pub(crate) async fn close(mut self) {
        // Whether the other side hears it changes nothing here.
        let _ = timeout(FAREWELL, self.stream.close(None)).await;
    }

    async fn send(&mut self, message: Message) -> Result<(), Error> {
        let sent = timeout(QUIET, self.stream.send(message)).await.map_err(|_| broke("it takes nothing"))?;
        sent.map_err(|error| broke(&error.to_string()))
    }
}

fn broke(why: &str) -> Error {
    Error::Unanswered(format!("the WebSocket broke off: {why}"))
}
