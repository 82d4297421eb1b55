//! A proxy in front of LocalStack's queues: it can be stopped and slowed down, and it remembers what went through.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::listener::Listener;

const PATIENCE: Duration = Duration::from_secs(30);

/// Ends when it is dropped.
pub struct QueueProxy {
    listener: Listener,
    shared: Arc<Shared>,
}

struct Shared {
    queues: SocketAddr,
    stopped: AtomicBool,
    delay_ms: AtomicU64,
    batches: Mutex<Vec<Vec<Value>>>,
}

impl QueueProxy {
    /// Starts one in front of `queues`, stopped.
    pub fn start(queues: SocketAddr) -> Result<Self> {
        let shared = Arc::new(Shared {
            queues,
            stopped: AtomicBool::new(true),
            delay_ms: AtomicU64::new(0),
            batches: Mutex::default(),
        });
        let inner = Arc::clone(&shared);
        let listener = Listener::start(move |client| {
            let inner = Arc::clone(&inner);
            // A connection that breaks is what the edge has to live with.
            std::thread::spawn(move || inner.pass(client));
            Ok(())
        })?;
        Ok(Self { listener, shared })
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Ends connections without an answer from now on, or no longer.
    pub fn stop(&self, stopped: bool) {
        self.shared.stopped.store(stopped, Ordering::Relaxed);
    }

    /// Lets each answer come so much later from now on.
    pub fn slow_down(&self, delay: Duration) {
        self.shared.delay_ms.store(delay.as_millis() as u64, Ordering::Relaxed);
    }

    /// The messages of each batch that the queues have taken, in order.
    pub fn batches(&self) -> Vec<Vec<Value>> {
        self.shared.batches().clone()
    }
}

impl Shared {
    fn batches(&self) -> MutexGuard<'_, Vec<Vec<Value>>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request a connection.
    fn pass(&self, mut client: TcpStream) -> Result<()> {
        client.set_read_timeout(Some(PATIENCE))?;
        let (head, body) = read_request(&mut client)?;
        if self.stopped.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut queues = TcpStream::connect(self.queues)?;
        queues.set_read_timeout(Some(PATIENCE))?;
        let fields = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
        let head: String = fields.map(|line| format!("{line}\r\n")).collect();
        queues.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())?;
        queues.write_all(&body)?;
        let mut answer = Vec::new();
        queues.read_to_end(&mut answer)?;
        let taken = answer.get(9..12) == Some(b"200") && head.contains("AmazonSQS.SendMessageBatch");
        if taken {
            self.batches().push(messages(&body)?);
        }
        std::thread::sleep(Duration::from_millis(self.delay_ms.load(Ordering::Relaxed)));
        Ok(client.write_all(&answer)?)
    }
}

/// The head without its empty line, and the body.
fn read_request(client: &mut TcpStream) -> Result<(String, Vec<u8>)> {
    let (mut request, mut chunk) = (Vec::new(), [0; 64 * 1024]);
    let end = loop {
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let count = client.read(&mut chunk)?;
        anyhow::ensure!(count > 0, "the request ended early");
        request.extend(chunk.iter().take(count));
    };
    let mut body = request.split_off(end + 4);
    request.truncate(end);
    let head = String::from_utf8(request)?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.context("the request says no length")?;
    while body.len() < length {
        let count = client.read(&mut chunk)?;
        anyhow::ensure!(count > 0, "the body ended early");
        body.extend(chunk.iter().take(count));
    }
    Ok((head, body))
}

fn messages(body: &[u8]) -> Result<Vec<Value>> {
    let batch: Value = serde_json::from_slice(body)?;
    let entries = batch["Entries"].as_array().context("a batch without entries")?;
    let message = |entry: &Value| serde_json::from_str(entry["MessageBody"].as_str().unwrap_or_default());
    entries.iter().map(|entry| Ok(message(entry)?)).collect()
}
