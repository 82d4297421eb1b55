//! A web server of somebody else's: an issuer with its keys, a verifier of challenges. It counts how often it is asked.

use std::{
    io::Write as _,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use serde_json::Value;

use crate::listener::{Listener, Received};

/// Ends when it is dropped; from then on nobody answers there.
pub struct WebServer {
    listener: Listener,
    asked: Arc<AtomicUsize>,
}

impl WebServer {
    /// Answers every request with the JSON that `handler` makes of its body.
    pub fn start(handler: impl Fn(&str) -> Value + Send + 'static) -> Result<Self> {
        let asked = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&asked);
        let listener = Listener::start(move |connection| answer(connection, &handler, &counter))?;
        Ok(Self { listener, asked })
    }

    pub fn url(&self, path: &str) -> String {
        self.listener.url(path)
    }

    /// How often it was asked so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn answer(mut connection: TcpStream, handler: &impl Fn(&str) -> Value, asked: &AtomicUsize) -> std::io::Result<()> {
    let request = Received::read(&connection)?;
    asked.fetch_add(1, Ordering::Relaxed);
    let body = handler(&request.body).to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
    connection.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes())
}
