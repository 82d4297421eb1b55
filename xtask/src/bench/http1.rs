use std::{
    io::{self, BufRead as _, BufReader, Error, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// One connection that is kept open. It reads no more of HTTP than a load generator needs, and so costs little beside
/// what it measures: both share the cores.
#[derive(Debug)]
pub(super) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a whole request and reads the whole answer; gives its status.
    pub(super) fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.0.get_mut().write_all(request)?;
        read_answer(&mut self.0)
    }
}

/// A request with a body of JSON.
pub(super) fn post(path: &str, key: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A request without a body.
pub(super) fn get(path: &str, key: Option<&str>) -> Vec<u8> {
    let authorization = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{authorization}\r\n").into_bytes()
}

fn read_answer(from: &mut BufReader<impl io::Read>) -> io::Result<u16> {
    let status_line = read_line(from)?;
    let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status: u16 = status.ok_or_else(|| invalid("no status"))?;
    let (mut length, mut chunked) = (0_u64, false);
    loop {
        let line = read_line(from)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(|_| invalid("bad content-length"))?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.trim().eq_ignore_ascii_case("chunked");
        }
    }
    if !chunked {
        skip(from, length)?;
        return Ok(status);
    }
    loop {
        let size = read_line(from)?;
        let size = u64::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16);
        let size = size.map_err(|_| invalid("bad chunk size"))?;
        // The chunk, or nothing after the last one, and its line end.
        skip(from, size)?;
        read_line(from)?;
        if size == 0 {
            return Ok(status);
        }
    }
}

fn read_line(from: &mut BufReader<impl io::Read>) -> io::Result<String> {
    let mut line = String::new();
    if from.take(64 * 1024).read_line(&mut line)? == 0 {
        return Err(Error::new(ErrorKind::UnexpectedEof, "the connection was closed"));
    }
    Ok(line.trim_end().to_owned())
}

fn skip(from: &mut impl io::Read, bytes: u64) -> io::Result<()> {
    io::copy(&mut from.take(bytes), &mut io::sink()).map(|_| ())
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_to_their_end_and_no_further() {
        let text = "HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\
                    \r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 429 Too Many\r\ncontent-length: 0\r\n\r\n";
        let mut reader = BufReader::new(text.as_bytes());
        let statuses: Vec<u16> = (0..3).map(|_| read_answer(&mut reader).unwrap()).collect();
        assert_eq!(statuses, [202, 200, 429]);
        assert!(read_answer(&mut reader).is_err());
    }
}
