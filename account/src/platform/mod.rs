//! What Account and Lane objects do to the world, and nothing else of it: storage, time, chance, queue, bucket, each
//! other. In workerd it is `edge/src/objects/workerd.rs`; natively,
//! over SQLite and in simulated time, `tests/native`.
//!
//! A turn is what an object does between two waits. As the runtime does, an implementation commits what a turn wrote, its
//! alarm included, all together or not at all, and lets nothing out of the object (an answer, a message, a call) before
//! that is on disk: <https://developers.cloudflare.com/durable-objects/reference/in-memory-state/> and «output gates» in
//! <https://blog.cloudflare.com/durable-objects-easy-fast-correct-choose-three/>.

mod aws_error;
mod bucket;
mod error;
mod queue;
mod sql;
mod value;
mod webhook;

use std::rc::Rc;

use forebay_contract::Lane;
use futures_util::future::{Either, LocalBoxFuture, select};

use forebay_admission::webhook::Unfit;

pub use self::{
    aws_error::AwsError,
    bucket::ObjectHead,
    error::{CallError, Error, Result},
    queue::{MAX_BATCH, MAX_BATCH_BYTES, QueueAnswer},
    sql::Sql,
    value::{Columns, Value},
    webhook::{DeliveryError, NewKeys, Post},
};
use crate::settings::Settings;

/// Work of an object, on its own thread.
pub type Task<'a, T> = LocalBoxFuture<'a, T>;

/// How rows are written in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Each an object by the columns' names.
    Named,
    /// Each a list in the columns' order.
    Plain,
}

/// The world of one object.
pub trait Platform {
    /// The object's own name.
    fn name(&self) -> String;

    /// What the operator has set; an error while that is wrong.
    fn settings(&self) -> Result<Rc<Settings>>;

    /// Milliseconds since the epoch. The runtime moves it at I/O only.
    fn now_ms(&self) -> u64;

    /// Fills the bytes by chance. `secret`: nobody may foretell them; else they may have been drawn with others.
    fn fill(&self, bytes: &mut [u8], secret: bool);

    /// One line in the log. Never payloads, keys or tokens.
    fn log(&self, event: &str, what: &str);

    /// Runs one statement in SQLite's dialect, or several without values, which then stand or fall together. The rows as a
    /// JSON list: whole numbers are written without a fraction, whatever column they are from.
    fn sql(&self, statement: &str, values: Vec<Value>, rows: Rows) -> Result<String>;

    /// How much the object stores, in bytes. It may store 10 GB:
    /// <https://developers.cloudflare.com/durable-objects/platform/limits/>.
    fn stored_bytes(&self) -> u64;

    /// When the alarm rings that is set; `None` without one, and while it rings.
    fn alarm(&self) -> Task<'_, Result<Option<u64>>>;

    /// Rings at `at_ms` instead of when it was to ring before; `None`: never. An alarm that fails is rung again, up to six
    /// times, later each time, and then given up: <https://developers.cloudflare.com/durable-objects/api/alarms/>.
    fn set_alarm(&self, at_ms: Option<u64>) -> Task<'_, Result<()>>;

    /// Goes on with `task` behind whatever happens now.
    fn spawn(&self, task: Task<'static, ()>);

    /// Waits.
    fn sleep(&self, ms: u64) -> Task<'static, ()>;

    /// Hands messages to a lane's queue: one answer each. Bounded in time.
    fn send<'a>(&'a self, lane: Lane, messages: &'a [&'a str]) -> Task<'a, Result<Vec<QueueAnswer>, AwsError>>;

    /// What the bucket knows of an object. `None` where there is none, or no bucket: the answer to HEAD has no body that
    /// could say which. Bounded in time.
    fn find<'a>(&'a self, key: &'a str) -> Task<'a, Result<Option<ObjectHead>, AwsError>>;

    /// The text of a small object; `None` only where the bucket says that there is no such key. Bounded in time.
    fn read<'a>(&'a self, key: &'a str) -> Task<'a, Result<Option<String>, AwsError>>;

    /// Removes an object; so is one that there was not. Bounded in time.
    fn remove<'a>(&'a self, key: &'a str) -> Task<'a, Result<(), AwsError>>;

    /// What the Lane object of that name answers to a `LaneCall`. Not bounded in time.
    fn ask_lane<'a>(&'a self, object: &'a str, call: &'a str) -> Task<'a, Result<String, CallError>>;

    /// The URL as it is posted to, if it may be.
    fn target<'a>(&'a self, url: &'a str) -> Task<'a, Result<String, Unfit>>;

    /// New keys of a webhook.
    fn new_keys(&self) -> Task<'_, Result<NewKeys, String>>;

    /// The signatures of `content` by one secret and one private key, as the field `webhook-signature` has them.
    fn sign<'a>(&'a self, keys: [&'a str; 2], content: &'a str) -> Task<'a, Result<String, String>>;

    /// Posts a delivery: the status of the answer. Bounded in time.
    fn post<'a>(&'a self, post: Post<'a>) -> Task<'a, Result<u16, DeliveryError>>;

    /// The object's WebSockets, from before it slept too.
    fn sockets(&self) -> Vec<Rc<dyn Socket>>;
}

/// One WebSocket.
pub trait Socket {
    /// Says something; one that is closing hears nothing.
    fn send(&self, text: &str);

    /// Ends it.
    fn close(&self, code: u16, reason: &str);

    /// What was sent to it and is not read yet, in bytes.
    fn unread_bytes(&self) -> u32;

    /// What was kept with it.
    fn kept(&self) -> Option<String>;

    /// Keeps a text with it for as long as it is open, through the object's sleep.
    fn keep(&self, text: &str) -> Result<()>;
}

impl dyn Platform {
    /// `N` bytes for what is no secret: ids and lots.
    pub fn drawn<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes, false);
        bytes
    }

    /// `N` bytes that nobody may foretell.
    pub fn secret<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes, true);
        bytes
    }

    /// A number of any size.
    pub fn random(&self) -> u64 {
        u64::from_le_bytes(self.drawn())
    }

    /// What comes of `work` within so long; `None` where nothing has.
    pub async fn within<T>(&self, ms: u64, work: Task<'_, T>) -> Option<T> {
        match select(work, self.sleep(ms)).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }
}
