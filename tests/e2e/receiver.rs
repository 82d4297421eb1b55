//! A server that webhooks are delivered to: it writes down what it receives, and answers as well or as badly as it should.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::client::poll;

/// The largest body it reads.
const MOST_BYTES: u64 = 64 << 10;

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

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    /// The header's value; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {:.200}", self.body))
    }
}

#[derive(Debug)]
struct Inside {
    manner: Mutex<Manner>,
    received: Mutex<Vec<Received>>,
    /// Connections that are neither answered nor closed.
    held: Mutex<Vec<TcpStream>>,
    over: AtomicBool,
}

/// Ends when it is dropped; from then on nobody answers there.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    inside: Arc<Inside>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    pub fn start(manner: Manner) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let inside = Arc::new(Inside {
            manner: Mutex::new(manner),
            received: Mutex::default(),
            held: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&inside);
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if shared.over.load(Ordering::Relaxed) {
                    return;
                }
                // A client that goes away is its own fault.
                let _ = connection.and_then(|connection| shared.serve(connection));
            }
        });
        Ok(Self { address, inside, thread: Some(thread) })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
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

impl Drop for Receiver {
    fn drop(&mut self) {
        self.inside.over.store(true, Ordering::Relaxed);
        // Wakes the thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Inside {
    fn serve(&self, mut connection: TcpStream) -> std::io::Result<()> {
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        let received = read(&connection)?;
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

/// A request; one without a path where the connection ended early.
fn read(connection: &TcpStream) -> std::io::Result<Received> {
    let mut reader = BufReader::new(connection.take(MOST_BYTES));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    // The head ends with an empty line.
    loop {
        line.clear();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = String::new();
    reader.take(length.unwrap_or(0)).read_to_string(&mut body)?;
    Ok(Received { path, headers, body })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
