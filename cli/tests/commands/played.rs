//! A service that answers as a test says.

use std::{
    io::{BufRead, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use serde_json::{Value, json};

use crate::line::{Line, Over};

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET /v1/jobs?limit=20`
    pub line: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub at: Instant,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// The service. It ends when it is dropped.
pub struct Played {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    has_ended: Arc<AtomicBool>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        Self::of(status, "application/json", body.to_string().as_bytes())
    }

    pub fn of(status: u16, content_type: &str, body: &[u8]) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body: body.to_vec() }
    }

    pub fn problem(status: u16, code: &str, retryable: bool) -> Self {
        let problem = json!({"title": "No", "detail": "do otherwise", "status": status, "code": code,
                             "retryable": retryable, "request_id": "r1"});
        Self::of(status, "application/problem+json", problem.to_string().as_bytes())
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Played {
    pub fn start(play: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::behind(&Line::quick(), play)
    }

    /// Behind a line that all that comes and goes has to share.
    pub fn behind(line: &Line, play: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let (listener, line) = (line.listener(), line.clone());
        let address = listener.local_addr().unwrap();
        let (requests, has_ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (seen, ended, play) = (Arc::clone(&requests), Arc::clone(&has_ended), Arc::new(play));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (seen, play, line) = (Arc::clone(&seen), Arc::clone(&play), line.clone());
                thread::spawn(move || answer(&line.over(stream.unwrap()), &seen, &*play));
            }
        });
        Self { address, requests, has_ended }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that came so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Their first lines.
    pub fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(stream: &Over, seen: &Mutex<Vec<Request>>, play: &(impl Fn(&Request) -> Reply + ?Sized)) {
    let mut reader = BufReader::new(stream);
    let Some(request) = read(&mut reader) else { return };
    seen.lock().unwrap().push(request.clone());
    let reply = play(&request);
    let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    // A client that went away has no need of it.
    let mut stream = stream;
    let _ = stream.write_all(&[head.as_bytes(), &reply.body].concat());
    stream.end();
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: Vec<_> = lines.iter().skip(1).filter_map(|line| line.split_once(": ")).collect();
    let headers: Vec<_> =
        headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = lines.first()?.trim_end_matches(" HTTP/1.1").to_owned();
    Some(Request { line, headers, body, at: Instant::now() })
}

/// A job as the edge answers it.
pub fn job(id: &str, status: &str) -> Value {
    json!({
        "id": id, "status": status, "model": "m", "served_model": "m@1", "degraded": false, "lane": "paid-light",
        "cost_ms": 40, "attempt": 1, "cached": false, "parameters": {}, "queue": null, "progress": null,
        "timeline": {"accepted_ms": 1_800_000_000_000_u64, "finished_ms": null},
    })
}
