//! A line between the program and the service, as slow as a test says.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// What goes at once.
const PIECE: usize = 4096;

/// A line that all connections share.
#[derive(Clone)]
pub struct Line {
    /// Bytes per second; `None` for as fast as it goes.
    rate: Option<u64>,
    free_at: Arc<Mutex<Instant>>,
    came: Arc<AtomicU64>,
}

/// One connection over a line.
pub struct Over {
    stream: TcpStream,
    line: Line,
}

impl Line {
    pub fn quick() -> Self {
        Self { rate: None, free_at: Arc::new(Mutex::new(Instant::now())), came: Arc::default() }
    }

    pub fn of(bytes_per_second: u64) -> Self {
        Self { rate: Some(bytes_per_second), ..Self::quick() }
    }

    /// How many bytes came over it, also those of requests that were given up.
    pub fn came(&self) -> u64 {
        self.came.load(Ordering::Relaxed)
    }

    pub fn listener(&self) -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        if self.rate.is_some() {
            // Little lies on this side of the line.
            rustix::net::sockopt::set_socket_recv_buffer_size(&listener, 32 << 10).unwrap();
        }
        listener
    }

    pub fn over(&self, stream: TcpStream) -> Over {
        Over { stream, line: self.clone() }
    }

    /// Takes as long as so many bytes take, after all who came before.
    fn carry(&self, bytes: usize) {
        let Some(rate) = self.rate else { return };
        let free_at = {
            let mut free_at = self.free_at.lock().unwrap();
            *free_at =
                (*free_at).max(Instant::now()) + Duration::from_secs(bytes as u64) / u32::try_from(rate).unwrap();
            *free_at
        };
        thread::sleep(free_at.saturating_duration_since(Instant::now()));
    }
}

impl Over {
    pub fn end(&self) {
        // A client that went away has no need of it.
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl Read for &Over {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = if self.line.rate.is_some() { into.len().min(PIECE) } else { into.len() };
        let count = (&self.stream).read(&mut into[..most])?;
        self.line.came.fetch_add(count as u64, Ordering::Relaxed);
        self.line.carry(count);
        Ok(count)
    }
}

impl Write for &Over {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = if self.line.rate.is_some() { bytes.len().min(PIECE) } else { bytes.len() };
        self.line.carry(most);
        (&self.stream).write(&bytes[..most])
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.stream).flush()
    }
}
