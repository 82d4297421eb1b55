use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::websocket::WebSocket;
use crate::stack::Http;

/// No job here takes longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a client asks that does nothing but ask.
const EACH: Duration = Duration::from_secs(1);

/// How a client waits for a job's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    LongPoll,
    EventStream,
    WebSocket,
    Polling,
}

/// One client of the edge.
#[derive(Debug)]
pub(super) struct BenchClient<'a> {
    edge: SocketAddr,
    key: &'a str,
    http: Http,
}

impl Way {
    pub(super) const ALL: [Self; 4] = [Self::LongPoll, Self::EventStream, Self::WebSocket, Self::Polling];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::LongPoll => "long poll",
            Self::EventStream => "event stream",
            Self::WebSocket => "WebSocket",
            Self::Polling => "a poll each second",
        }
    }

    /// Waits for a job's success; gives the moment at which the client knows.
    pub(super) fn wait(self, client: &BenchClient<'_>, id: &str) -> Result<Instant> {
        match self {
            Self::LongPoll => client.poll(&format!("/v1/jobs/{id}?wait=60"), Duration::ZERO),
            Self::EventStream => client.read_events(id),
            Self::WebSocket => client.hear(id),
            Self::Polling => client.poll(&format!("/v1/jobs/{id}"), EACH),
        }
        .with_context(|| format!("{id}, by {}", self.name()))
    }
}

impl<'a> BenchClient<'a> {
    pub(super) fn new(edge: SocketAddr, key: &'a str) -> Self {
        Self { edge, key, http: Http::new(2 * PATIENCE) }
    }

    /// Submits a text of its own; the job's id.
    pub(super) fn submit(&self, text: &str) -> Result<String> {
        let body = json!({"model": "bench", "input": {"text": text}}).to_string();
        let authorization = self.authorization();
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let answer = self.http.post(&format!("http://{}/v1/jobs", self.edge), &headers, body.as_bytes())?;
        ensure!(answer.status == 202, "not accepted: {} {:.300}", answer.status, answer.text());
        let id = answer.json()?.get("id").and_then(Value::as_str).map(str::to_owned);
        id.context("a job without an id")
    }

    /// A result's bytes.
    pub(super) fn result(&self, id: &str) -> Result<Vec<u8>> {
        let answer = self.get(&format!("/v1/jobs/{id}/result"))?;
        ensure!(answer.status == 200, "no result: {} {:.300}", answer.status, answer.text());
        Ok(answer.body)
    }

    /// Asks until the job has succeeded, at most once in `each`.
    fn poll(&self, path: &str, each: Duration) -> Result<Instant> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let asked = Instant::now();
            let answer = self.get(path)?;
            let now = Instant::now();
            match answer.json()?.get("status").and_then(Value::as_str) {
                Some("succeeded") => return Ok(now),
                Some("queued" | "running") => thread::sleep(each.saturating_sub(asked.elapsed())),
                _ => bail!("ended otherwise: {:.300}", answer.text()),
            }
        }
        bail!("it does not end")
    }

    fn read_events(&self, id: &str) -> Result<Instant> {
        let mut stream = TcpStream::connect(self.edge)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let authorization = self.authorization();
        let request = format!(
            "GET /v1/jobs/{id}/events HTTP/1.1\r\nHost: bench\r\nAuthorization: {authorization}\r\n\
             Accept: text/event-stream\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        // Lines of chunk lengths stand between; no event is called like one.
        let mut lines = BufReader::new(stream).take(1 << 20).lines();
        let end = lines.find(|line| line.as_ref().map_or(true, |line| line == "event: succeeded"));
        end.context("the stream has ended before the job")??;
        Ok(Instant::now())
    }

    fn hear(&self, id: &str) -> Result<Instant> {
        let mut socket = WebSocket::open(self.edge, &format!("/v1/jobs/{id}/events"), self.key, PATIENCE)?;
        while !socket.hear()?.contains(r#""event":"succeeded""#) {}
        Ok(Instant::now())
    }

    fn get(&self, path: &str) -> Result<crate::stack::Answer> {
        self.http.get(&format!("http://{}{path}", self.edge), &[("authorization", &self.authorization())])
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.key)
    }
}
