//! WebSockets and event streams of an object.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use forebay_account::{
    ClientMessage, Core, Listen, Opened, SocketRequest, accept, closed, hear, open,
    platform::{CallError, Result, Socket},
};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::{
    life::Life,
    object::Object,
    planted::{self, Defect},
};

/// The runtime's end of a socket: it stays while the object sleeps.
#[derive(Default)]
pub(crate) struct NativeSocket {
    heard: RefCell<Vec<String>>,
    kept: RefCell<Option<String>>,
    closed: Cell<Option<u16>>,
    unread_bytes: Cell<u32>,
}

impl NativeSocket {
    /// What was sent to its client, from the beginning.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.borrow().clone()
    }

    /// With which code it was closed; 1006 where its object died.
    pub(crate) fn closed(&self) -> Option<u16> {
        self.closed.get()
    }

    /// What its client leaves unread.
    pub(crate) fn leave_unread(&self, bytes: u32) {
        self.unread_bytes.set(bytes);
    }

    pub(super) fn cut(&self) {
        self.closed.set(self.closed.get().or(Some(1006)));
    }
}

/// A socket as one life of its object holds it: what it says leaves behind its turn's commit.
struct Held {
    socket: Rc<NativeSocket>,
    life: Rc<Life>,
}

impl Socket for Held {
    fn send(&self, text: &str) {
        let (socket, text) = (self.socket.clone(), text.to_owned());
        self.life.out(move || {
            if socket.closed.get().is_none() {
                socket.heard.borrow_mut().push(text);
            }
        });
    }

    fn close(&self, code: u16, _reason: &str) {
        let socket = self.socket.clone();
        self.life.out(move || socket.closed.set(socket.closed.get().or(Some(code))));
    }

    fn unread_bytes(&self) -> u32 {
        self.socket.unread_bytes.get()
    }

    fn kept(&self) -> Option<String> {
        self.socket.kept.borrow().clone()
    }

    fn keep(&self, text: &str) -> Result<()> {
        self.socket.kept.replace(Some(text.to_owned()));
        Ok(())
    }
}

/// What became of a wish to listen.
pub(crate) enum Heard {
    /// The status that says no, or that there is nothing more to hear.
    Not(u16),
    /// Chunks of an event stream; it ends with the channel.
    Stream(mpsc::UnboundedReceiver<String>),
    Socket(Rc<NativeSocket>),
}

impl Object {
    pub(super) fn open_sockets(&self, life: &Rc<Life>) -> Vec<Rc<dyn Socket>> {
        let open = |socket: &&Rc<NativeSocket>| socket.closed.get().is_none();
        let held = |socket: &Rc<NativeSocket>| -> Rc<dyn Socket> {
            Rc::new(Held { socket: socket.clone(), life: life.clone() })
        };
        self.sockets.borrow().iter().filter(open).map(held).collect()
    }

    /// Opens an event stream or a WebSocket.
    pub(crate) async fn listen(self: &Rc<Self>, wish: &Listen) -> std::result::Result<Heard, CallError> {
        let wish = serde_json::to_string(wish).map_err(|error| CallError::new(error.to_string()))?;
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("listen", &wish).finish();
        let (object, life) = (self.clone(), self.awake()?.0);
        let opened = self.call(move |inside| {
            Box::pin(async move {
                let Some(core) = inside.account()? else { return Ok(Heard::Not(404)) };
                Ok(match open(&core, &query)? {
                    Opened::Not(status, _) => Heard::Not(status),
                    Opened::Over => Heard::Not(204),
                    Opened::Stream(listener) => {
                        let (chunks, heard) = mpsc::unbounded_channel();
                        let gate = life.clone();
                        life.spawn(Box::pin(async move {
                            let mut bytes = Box::pin(listener.bytes());
                            while let Some(Ok(chunk)) = bytes.next().await {
                                if chunks.is_closed() {
                                    break;
                                }
                                if planted::is(Defect::StreamEndsEarly)
                                    && String::from_utf8_lossy(&chunk).contains("event: succeeded")
                                {
                                    break;
                                }
                                let (chunks, text) = (chunks.clone(), String::from_utf8_lossy(&chunk).into_owned());
                                gate.out(move || drop(chunks.send(text)));
                            }
                        }));
                        Heard::Stream(heard)
                    }
                    Opened::Socket(wanted) => Heard::Socket(object.accept(&core, &life, wanted)),
                })
            })
        });
        opened.await?.map_err(|error: forebay_account::platform::Error| CallError::new(error.to_string()))
    }

    fn accept(&self, core: &Rc<Core>, life: &Rc<Life>, wanted: SocketRequest) -> Rc<NativeSocket> {
        let socket = Rc::<NativeSocket>::default();
        self.sockets.borrow_mut().push(socket.clone());
        accept(core, Rc::new(Held { socket: socket.clone(), life: life.clone() }), wanted);
        socket
    }

    /// A client says something.
    pub(crate) async fn say(
        self: &Rc<Self>,
        socket: &Rc<NativeSocket>,
        text: &str,
    ) -> std::result::Result<(), CallError> {
        let (held, said) =
            (Held { socket: socket.clone(), life: self.awake()?.0 }, ClientMessage::Text(text.to_owned()));
        self.of_account(move |core| hear(core, &held, said)).await
    }

    /// A client closes its socket.
    pub(crate) async fn hang_up(self: &Rc<Self>, socket: &Rc<NativeSocket>) -> std::result::Result<(), CallError> {
        let held = Held { socket: socket.clone(), life: self.awake()?.0 };
        let opened = self.of_account(move |core| {
            closed(core, &held, 1000);
            Ok(())
        });
        let opened = opened.await;
        socket.cut();
        opened
    }

    async fn of_account(
        self: &Rc<Self>,
        act: impl FnOnce(&Rc<Core>) -> Result<()> + 'static,
    ) -> std::result::Result<(), CallError> {
        let done =
            self.call(move |inside| Box::pin(async move { inside.account()?.map_or(Ok(()), |core| act(&core)) }));
        done.await?.map_err(|error| CallError::new(error.to_string()))
    }
}
