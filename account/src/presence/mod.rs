//! Who is there: requests that wait for a job's end, event streams and WebSockets. What each may hear is pure; what is sent
//! to them is `object`'s to do.

pub(crate) mod pass;
mod sockets;
mod waiters;
pub(crate) mod watching;

use std::cell::Cell;

pub(crate) use self::sockets::{Socket, Sockets};
use self::waiters::Waiters;

/// Who is there of one object.
#[derive(Default)]
pub struct Presence {
    /// Requests that wait for a job's end.
    pub waiters: Waiters,
    /// Event streams that wait for whatever happens to their job.
    pub watchers: Waiters,
    pub sockets: Sockets,
    /// How many event streams are open, whether they wait or write.
    streams: Cell<usize>,
}

impl Presence {
    /// Whether there may be one more event stream, of `most`; if so, it counts from here on.
    pub fn open_stream(&self, most: usize) -> bool {
        let may = self.streams.get() < most;
        if may {
            self.streams.set(self.streams.get() + 1);
        }
        may
    }

    /// An event stream has ended.
    pub fn close_stream(&self) {
        self.streams.set(self.streams.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_streams_are_counted_until_they_close() {
        let presence = Presence::default();
        assert_eq!([(); 3].map(|()| presence.open_stream(2)), [true, true, false]);
        presence.close_stream();
        assert!(presence.open_stream(2));
    }
}
