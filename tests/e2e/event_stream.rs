//! An event stream that is read line by line as it comes, or not at all.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{client::Client, stack::Stack};

/// A job's event stream while it is open.
pub struct EventStream(BufReader<TcpStream>);

impl EventStream {
    /// Opens one, or says with which status that was refused.
    pub fn open(stack: &Stack, client: &Client, job: &str) -> Result<Result<Self, u16>> {
        let mut stream = TcpStream::connect(stack.address()?)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let request = format!(
            "GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nAccept: text/event-stream\r\n\r\n",
            stack.address()?,
            client.key()
        );
        stream.write_all(request.as_bytes())?;
        let mut this = Self(BufReader::new(stream));
        let first = this.line()?;
        let status: u16 = first.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
        while !this.line()?.is_empty() {}
        Ok(if status == 200 { Ok(this) } else { Err(status) })
    }

    /// Reads up to the line that begins with `start`; gives the lines before it. Lengths of chunks stand between.
    pub fn until(&mut self, start: &str) -> Result<Vec<String>> {
        let mut before = Vec::new();
        loop {
            let line = self.line().with_context(|| format!("no {start}"))?;
            if line.starts_with(start) {
                return Ok(before);
            }
            if before.len() > 100_000 {
                bail!("no {start} among so many lines");
            }
            before.push(line);
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!((&mut self.0).take(1 << 20).read_line(&mut line)? > 0, "the stream has ended");
        Ok(line.trim_end().to_owned())
    }
}
