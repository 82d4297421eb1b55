use std::{cell::RefCell, rc::Rc};

use super::watching::{Closing, Watching};
use crate::{
    platform::{self, Platform, Result},
    timers::SingleTask,
};
use forebay_admission::Refusal;
use serde_json::json;

/// What a client may leave unread of what it was sent, in bytes: more is not kept for it.
const MOST_UNREAD_BYTES: u32 = 1 << 20;

/// The sockets that memory knows. They are read from the runtime when the object wakes up.
#[derive(Default)]
pub struct Sockets {
    known: RefCell<Option<Vec<Socket>>>,
    /// Looks at where queued jobs stand.
    pub look: SingleTask,
}

/// A WebSocket and what it watches.
pub struct Socket {
    socket: Rc<dyn platform::Socket>,
    pub watching: Watching,
}

impl Sockets {
    /// Works on the sockets; what it calls must not do the same.
    pub fn with<T>(&self, platform: &dyn Platform, act: impl FnOnce(&mut Vec<Socket>) -> T) -> T {
        let mut known = self.known.borrow_mut();
        let sockets = known.get_or_insert_with(|| {
            let known = |socket: Rc<dyn platform::Socket>| Some(Socket::new(watching_of(&*socket)?, socket));
            platform.sockets().into_iter().filter_map(known).collect()
        });
        act(sockets)
    }

    /// Takes a socket out of the list.
    pub fn take(&self, platform: &dyn Platform, socket: &dyn platform::Socket) -> Option<Socket> {
        let name = watching_of(socket)?.socket;
        self.with(platform, |sockets| {
            let index = sockets.iter().position(|known| known.watching.socket == name)?;
            Some(sockets.swap_remove(index))
        })
    }
}

impl Socket {
    /// One that `watching` is kept with, or will be.
    pub fn new(watching: Watching, socket: Rc<dyn platform::Socket>) -> Self {
        Self { socket, watching }
    }

    /// Sends a message.
    pub fn send(&self, text: &str) {
        self.socket.send(text);
    }

    /// Says what is wrong with what the client said.
    pub fn refuse(&self, refusal: &Refusal) {
        self.send(&json!({ "type": "error", "problem": refusal.problem() }).to_string());
    }

    /// Keeps what it watches with it, through the object's sleep.
    pub fn keep(&self) -> Result<()> {
        self.socket.keep(&serde_json::to_string(&self.watching)?)
    }

    /// Whether its client does not read what it is sent.
    pub fn is_behind(&self) -> bool {
        self.socket.unread_bytes() > MOST_UNREAD_BYTES
    }

    /// Ends it.
    pub fn close(&self, closing: Closing) {
        self.socket.close(closing.code, closing.reason);
    }
}

fn watching_of(socket: &dyn platform::Socket) -> Option<Watching> {
    serde_json::from_str(&socket.kept()?).ok()
}
