use std::{
    io::{self, BufRead as _, BufReader, Error, ErrorKind, Read, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// The example of RFC 6455 §1.3 and the answer to it: who answers otherwise speaks no WebSocket.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The longest message that is read, in bytes.
const MAX_MESSAGE: u64 = 1 << 20;
/// The longest that is sent: its length fits two bytes.
const MAX_SAID: usize = 65_535;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// One WebSocket, as a client. It reads no more of RFC 6455 than a bench needs, like the HTTP beside it: this program
/// compiles first on a new machine, and a library would bring random numbers and SHA-1 along for one handshake.
#[derive(Debug)]
pub(super) struct WebSocket(BufReader<TcpStream>);

impl WebSocket {
    /// Connects, with a key where programs put it.
    pub(super) fn open(address: SocketAddr, path: &str, key: &str, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        let mut this = Self(BufReader::with_capacity(4096, stream));
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        this.0.get_mut().write_all(request.as_bytes())?;
        this.read_head()?;
        Ok(this)
    }

    /// Sends a text message.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        self.send(TEXT, text.as_bytes())
    }

    /// The next text. Pings are answered meanwhile; the other side's farewell is an error.
    pub(super) fn hear(&mut self) -> io::Result<String> {
        loop {
            match read_frame(&mut self.0)? {
                (TEXT, payload) => return String::from_utf8(payload).map_err(|_| invalid("a text that is none")),
                (PING, payload) => self.send(PONG, &payload)?,
                (PONG, _) => {}
                (CLOSE, _) => return Err(Error::new(ErrorKind::ConnectionAborted, "the socket was closed")),
                _ => return Err(invalid("a message that is no text")),
            }
        }
    }

    fn read_head(&mut self) -> io::Result<()> {
        let (mut line, mut first, mut accepted) = (String::new(), None, false);
        loop {
            line.clear();
            if (&mut self.0).take(16 * 1024).read_line(&mut line)? == 0 {
                return Err(Error::new(ErrorKind::UnexpectedEof, "the connection was closed"));
            }
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            first.get_or_insert_with(|| text.to_owned());
            let field = text.split_once(':');
            accepted |= field.is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == ACCEPT
            });
        }
        let first = first.unwrap_or_default();
        if first.split(' ').nth(1) == Some("101") && accepted {
            Ok(())
        } else {
            Err(invalid(&format!("no socket: {first}")))
        }
    }

    fn send(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(&frame(opcode, payload)?)
    }
}

/// A whole message of a client. Its mask is all zeros: masks protect proxies, and here is none.
fn frame(opcode: u8, payload: &[u8]) -> io::Result<Vec<u8>> {
    const MASKED: u8 = 0x80;
    let length = u16::try_from(payload.len()).map_err(|_| invalid(&format!("more than {MAX_SAID} bytes to say")))?;
    let mut bytes = vec![0x80 | opcode];
    match u8::try_from(length) {
        Ok(length) if length < 126 => bytes.push(MASKED | length),
        _ => {
            bytes.push(MASKED | 126);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    Ok(bytes)
}

/// Opcode and payload of a server's message.
fn read_frame(from: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let [first, second] = read(from)?;
    if first & 0x80 == 0 || second & 0x80 != 0 {
        return Err(invalid("a message in parts, or a masked one"));
    }
    let length = match second {
        126 => u64::from(u16::from_be_bytes(read(from)?)),
        127 => u64::from_be_bytes(read(from)?),
        length => u64::from(length),
    };
    if length > MAX_MESSAGE {
        return Err(invalid("a message that is too long"));
    }
    let mut payload = Vec::new();
    if from.take(length).read_to_end(&mut payload)? as u64 != length {
        return Err(Error::new(ErrorKind::UnexpectedEof, "the connection was closed"));
    }
    Ok((first & 0x0f, payload))
}

fn read<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_a_server_are_read_whatever_their_length() {
        for (length, head) in
            [(5, vec![0x81, 5]), (300, vec![0x81, 126, 1, 44]), (70_000, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70])]
        {
            let bytes = [head, vec![b'x'; length]].concat();
            let (opcode, payload) = read_frame(&mut bytes.as_slice()).unwrap();
            assert_eq!((opcode, payload.len()), (TEXT, length));
            assert!(read_frame(&mut &bytes[..bytes.len() - 1]).is_err());
        }
        let endless = [0x81, 127, 1, 0, 0, 0, 0, 0, 0, 0];
        for bytes in [&[0x01, 1, b'x'][..], &[0x81, 0x81, 0, 0, 0, 0, b'x'], &endless, &[]] {
            assert!(read_frame(&mut &*bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn messages_of_a_client_are_masked() {
        assert_eq!(frame(TEXT, b"hi").unwrap(), [0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
        let long = frame(TEXT, &[7; 200]).unwrap();
        assert_eq!((&long[..4], long.len()), (&[0x81, 0xfe, 0, 200][..], 208));
        assert!(frame(TEXT, &vec![0; MAX_SAID + 1]).is_err());
    }
}
