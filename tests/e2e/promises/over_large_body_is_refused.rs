//! A body over the limit is refused, whatever its length header says, and nothing is made of it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Result, ensure};

use crate::{client::Request, stack::Hall};

const LIMIT: usize = 10_000_000;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.shared()?;
    let client = stack.client("over_large_body_is_refused")?;

    let body = vec![b' '; LIMIT + 1];
    client.submit_bare("efficientnet-lite0", "image/png", &body)?.expect_problem(413, "body-too-large")?;

    // Nor is it foretold what would become of it.
    let headers = [("content-type", "image/png")];
    let path = "/v1/models/efficientnet-lite0/plan";
    let plan = Request { method: "POST", path, headers: &headers, body: Some(&body) };
    client.send(&plan)?.expect_problem(413, "body-too-large")?;

    // Without any length: chunks until the edge has seen enough.
    let answer = chunked(stack.address()?, client.key(), LIMIT + 1)?;
    ensure!(answer.starts_with("HTTP/1.1 413") && answer.contains("body-too-large"), "{answer:.300}");

    // What is allowed is still taken afterwards.
    client.get("/v1/models")?.expect(200)?;
    Ok(())
}

/// Sends `bytes` bytes in chunks and gives what the edge answers.
fn chunked(address: std::net::SocketAddr, key: &str, bytes: usize) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "POST /v1/models/efficientnet-lite0/jobs HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         content-type: image/png\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )?;
    let chunk = [b' '; 65_536];
    let mut left = bytes;
    while left > 0 {
        let part = chunk.get(..left.min(chunk.len())).unwrap_or(&chunk);
        let sent = write!(stream, "{:x}\r\n", part.len()).and_then(|()| stream.write_all(part));
        if sent.and_then(|()| stream.write_all(b"\r\n")).is_err() {
            break; // refused before the end: as it should be
        }
        left -= part.len();
    }
    let _ = stream.write_all(b"0\r\n\r\n");
    let mut answer = Vec::new();
    // The edge does not read the rest, so the connection may be reset behind the answer.
    if let Err(error) = stream.read_to_end(&mut answer) {
        ensure!(!answer.is_empty(), "no answer: {error}");
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
