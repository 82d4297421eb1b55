//! A server that webhooks are delivered to: it writes down what it receives, and answers as well or as badly as it should.

use std::{
    io::Write as _,
    net::TcpStream,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;

use crate::{
    client::poll,
    listener::{Listener, Received},
};

/// How the receiver answers a delivery.
#[derive(Debug, Clone)]
pub enum Manner {
    /// It answers with this status and nothing else.
    Status(u16),
    /// It redirects to this URL.
    Redirect(String),
    /// It does not answer, and keeps the connection.
    Hang,
    /// It answers with a success whose body never ends.
    Endless,
    /// It answers with what is no HTTP.
    Garbage,
}

#[derive(Debug)]
struct Inside {
    manner: Mutex<Manner>,
    received: Mutex<Vec<Received>>,
    /// Connections that are neither answered nor closed.
    held: Mutex<Vec<TcpStream>>,
}

/// Ends when it is dropped; from then on nobody answers there.
#[derive(Debug)]
pub struct Receiver {
    listener: Listener,
    inside: Arc<Inside>,
}

impl Receiver {
    pub fn start(manner: Manner) -> Result<Self> {
        let inside =
            Arc::new(Inside { manner: Mutex::new(manner), received: Mutex::default(), held: Mutex::default() });
        let shared = Arc::clone(&inside);
        let listener = Listener::start(move |connection| shared.serve(connection))?;
        Ok(Self { listener, inside })
    }

    pub fn url(&self, path: &str) -> String {
        self.listener.url(path)
    }

    /// Answers otherwise from here on.
    pub fn behave(&self, manner: Manner) {
        *lock(&self.inside.manner) = manner;
    }

    /// What it received so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.inside.received).clone()
    }

    /// What it received after the first `count`, once there is something.
    pub fn next(&self, count: usize) -> Result<Received> {
        poll("something is delivered", || {
            let received = self.received();
            Ok(received.get(count).cloned().ok_or(received))
        })
    }
}

impl Inside {
    fn serve(&self, mut connection: TcpStream) -> std::io::Result<()> {
        let received = Received::read(&connection)?;
        if received.path.is_empty() {
            return Ok(());
        }
        // Whoever sees what was received may want the next one to be answered otherwise, not this one.
        let manner = lock(&self.manner).clone();
        lock(&self.received).push(received);
        let head = "HTTP/1.1";
        let close = "content-length: 0\r\nconnection: close\r\n\r\n";
        match manner {
            Manner::Status(status) => connection.write_all(format!("{head} {status} So\r\n{close}").as_bytes()),
            Manner::Redirect(to) => {
                connection.write_all(format!("{head} 307 Elsewhere\r\nlocation: {to}\r\n{close}").as_bytes())
            }
            Manner::Garbage => connection.write_all(b"\x00\xff these are not the headers you look for\r\n\r\n"),
            Manner::Endless => {
                connection.write_all(
                    format!("{head} 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nmore\r\n").as_bytes(),
                )?;
                lock(&self.held).push(connection);
                Ok(())
            }
            Manner::Hang => {
                lock(&self.held).push(connection);
                Ok(())
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
