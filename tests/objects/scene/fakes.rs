//! Queues, bucket, lanes, targets and settings that do as they are told.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::{Rc, Weak},
    time::Duration,
};

use forebay_account::{
    DeliveryError,
    platform::{AwsError, CallError, Error, ObjectHead, QueueAnswer, Result, Task},
    settings::Settings,
};
use forebay_admission::webhook::Unfit;
use forebay_contract::{JobId, JobMessage, Lane};
use tokio::time::sleep;

use crate::native::{self, Chance, Class, Object, Posted, World};

/// How a part of the world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    #[default]
    Well,
    /// It answers after so many milliseconds.
    Slow(u64),
    /// It does nothing, and says so.
    Fail,
    /// It does nothing, and never says so.
    Hang,
    /// It does what it is asked, and the answer is lost.
    LoseAnswer,
}

/// A queue that says no after so long, as its own timeout has it.
const SENDING_ENDS_MS: u64 = 10_000;

/// An object of the bucket.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) head: ObjectHead,
    pub(crate) text: String,
}

/// A line of the log.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) ms: u64,
    pub(crate) object: String,
    pub(crate) event: String,
    pub(crate) what: String,
}

pub(crate) struct Fakes {
    this: Weak<Self>,
    pub(crate) queues: RefCell<BTreeMap<Lane, Mode>>,
    sent: RefCell<Vec<(u64, Lane, String)>>,
    /// Messages that hold such a text are refused for ever.
    pub(crate) refused: RefCell<Vec<String>>,
    pub(crate) bucket: RefCell<BTreeMap<String, Stored>>,
    pub(crate) bucket_mode: Cell<Mode>,
    /// The bucket itself is gone: HEAD cannot tell that from an object that is not there, GET can.
    pub(crate) no_bucket: Cell<bool>,
    pub(crate) lane_mode: Cell<Mode>,
    lanes: RefCell<BTreeMap<String, Rc<Object>>>,
    pub(crate) targets: RefCell<BTreeMap<String, (Mode, u16)>>,
    posted: RefCell<Vec<(u64, Posted)>>,
    pub(crate) resolver: Cell<Mode>,
    settings: RefCell<BTreeMap<String, String>>,
    skews_ms: RefCell<BTreeMap<String, i64>>,
    log: RefCell<Vec<Logged>>,
    chance: RefCell<Chance>,
}

impl Fakes {
    pub(super) fn new() -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            this: this.clone(),
            queues: RefCell::default(),
            sent: RefCell::default(),
            refused: RefCell::default(),
            bucket: RefCell::default(),
            bucket_mode: Cell::default(),
            no_bucket: Cell::default(),
            lane_mode: Cell::default(),
            lanes: RefCell::default(),
            targets: RefCell::default(),
            posted: RefCell::default(),
            resolver: Cell::default(),
            settings: RefCell::default(),
            skews_ms: RefCell::default(),
            log: RefCell::default(),
            chance: RefCell::new(Chance::new(0, "fakes")),
        })
    }

    /// How a queue is from now on.
    pub(crate) fn queue(&self, lane: Lane, mode: Mode) {
        self.queues.borrow_mut().insert(lane, mode);
    }

    /// The jobs whose messages a queue took, in order; doubles stand there twice.
    pub(crate) fn sent(&self, lane: Lane) -> Vec<JobId> {
        let sent = self.sent.borrow();
        let of_lane = sent.iter().filter(|(_, of, _)| *of == lane);
        of_lane.map(|(_, _, text)| JobMessage::from_json(text).unwrap().job_id).collect()
    }

    /// What all queues took: when, and the message.
    pub(crate) fn messages(&self) -> Vec<(u64, Lane, String)> {
        self.sent.borrow().clone()
    }

    /// What targets were told, and when.
    pub(crate) fn posted(&self) -> Vec<(u64, Posted)> {
        self.posted.borrow().clone()
    }

    /// Sets a variable of the edge; an empty one is not set, which may be wrong.
    pub(crate) fn set(&self, name: &str, value: &str) {
        self.settings.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// How far the clock of an object's machine is ahead.
    pub(crate) fn skew(&self, object: &Object, ms: i64) {
        self.skews_ms.borrow_mut().insert(object.name().to_owned(), ms);
    }

    /// Puts an object into the bucket.
    pub(crate) fn store(&self, key: &str, text: &str, head: ObjectHead) {
        self.bucket.borrow_mut().insert(key.to_owned(), Stored { head, text: text.to_owned() });
    }

    /// What was logged of a kind.
    pub(crate) fn logged(&self, event: &str) -> Vec<Logged> {
        self.log.borrow().iter().filter(|line| line.event == event).cloned().collect()
    }

    pub(super) fn lane(&self, name: &str) -> Rc<Object> {
        let make = || Object::new(Class::Lane, name, self.this.upgrade().expect("the world outlives its objects"));
        self.lanes.borrow_mut().entry(name.to_owned()).or_insert_with(make).clone()
    }

    fn this(&self) -> Rc<Self> {
        self.this.upgrade().expect("the world outlives its objects")
    }

    fn take(&self, lane: Lane, messages: Vec<String>) -> Vec<QueueAnswer> {
        let take = |text: String| {
            if self.refused.borrow().iter().any(|refused| text.contains(refused)) {
                return QueueAnswer::Never("InvalidMessageContents".to_owned());
            }
            self.sent.borrow_mut().push((native::since_start_ms(), lane, text));
            QueueAnswer::Yes
        };
        messages.into_iter().map(take).collect()
    }
}

/// Waits as the mode says; whether the call has its effect, and whether its answer comes.
async fn go(mode: Mode, ends_ms: Option<u64>) -> (bool, bool) {
    match mode {
        Mode::Well => (true, true),
        Mode::Slow(ms) => {
            sleep(Duration::from_millis(ms)).await;
            (true, true)
        }
        Mode::Fail => (false, false),
        Mode::LoseAnswer => (true, false),
        Mode::Hang => {
            match ends_ms {
                Some(ms) => sleep(Duration::from_millis(ms)).await,
                None => std::future::pending().await,
            }
            (false, false)
        }
    }
}

fn away() -> AwsError {
    AwsError::Unreachable("away".to_owned())
}

impl World for Fakes {
    fn now_ms(&self, object: &str) -> u64 {
        let skew_ms = self.skews_ms.borrow().get(object).copied().unwrap_or(0);
        self.alarm_clock_ms().saturating_add_signed(skew_ms)
    }

    fn alarm_clock_ms(&self) -> u64 {
        native::START_MS + native::since_start_ms()
    }

    fn settings(&self, _object: &str) -> Result<Rc<Settings>> {
        let settings = self.settings.borrow();
        let settings = Settings::of(&|name| settings.get(name).cloned());
        settings.map(Rc::new).map_err(|faults| Error::Config(faults.to_string()))
    }

    fn fill(&self, _object: &str, bytes: &mut [u8]) {
        let mut chance = self.chance.borrow_mut();
        bytes.iter_mut().for_each(|byte| *byte = chance.next() as u8);
    }

    fn log(&self, object: &str, event: &str, what: &str) {
        let (object, event, what) = (object.to_owned(), event.to_owned(), what.to_owned());
        self.log.borrow_mut().push(Logged { ms: native::since_start_ms(), object, event, what });
    }

    fn send(
        &self,
        _object: &str,
        lane: Lane,
        messages: Vec<String>,
    ) -> Task<'static, std::result::Result<Vec<QueueAnswer>, AwsError>> {
        let (world, mode) = (self.this(), self.queues.borrow().get(&lane).copied().unwrap_or_default());
        Box::pin(async move {
            let (effect, answer) = go(mode, Some(SENDING_ENDS_MS)).await;
            let taken = if effect { world.take(lane, messages) } else { Vec::new() };
            if answer { Ok(taken) } else { Err(away()) }
        })
    }

    fn find(&self, _object: &str, key: String) -> Task<'static, std::result::Result<Option<ObjectHead>, AwsError>> {
        let world = self.this();
        Box::pin(async move {
            let (effect, answer) = go(world.bucket_mode.get(), Some(SENDING_ENDS_MS)).await;
            let found = world.bucket.borrow().get(&key).filter(|_| effect && !world.no_bucket.get()).cloned();
            let found = found.map(|stored| stored.head);
            if answer { Ok(found) } else { Err(away()) }
        })
    }

    fn read(&self, _object: &str, key: String) -> Task<'static, std::result::Result<Option<String>, AwsError>> {
        let world = self.this();
        Box::pin(async move {
            let (_, answer) = go(world.bucket_mode.get(), Some(SENDING_ENDS_MS)).await;
            if world.no_bucket.get() {
                return Err(AwsError::Status { status: 404, body: "<Code>NoSuchBucket</Code>".to_owned() });
            }
            let found = world.bucket.borrow().get(&key).map(|stored| stored.text.clone());
            if answer { Ok(found) } else { Err(away()) }
        })
    }

    fn remove(&self, _object: &str, key: String) -> Task<'static, std::result::Result<(), AwsError>> {
        let world = self.this();
        Box::pin(async move {
            let (effect, answer) = go(world.bucket_mode.get(), Some(SENDING_ENDS_MS)).await;
            if effect {
                world.bucket.borrow_mut().remove(&key);
            }
            if answer { Ok(()) } else { Err(away()) }
        })
    }

    fn ask_lane(
        &self,
        _object: &str,
        lane: String,
        call: String,
    ) -> Task<'static, std::result::Result<String, CallError>> {
        let (world, mode) = (self.this(), self.lane_mode.get());
        Box::pin(async move {
            let (effect, answer) = go(mode, None).await;
            let answered = if effect { world.lane(&lane).ask(&call).await } else { Err(CallError::new("away")) };
            if answer { answered } else { Err(CallError::new("away")) }
        })
    }

    fn target(&self, _object: &str, url: String) -> Task<'static, std::result::Result<String, Unfit>> {
        let mode = self.resolver.get();
        Box::pin(async move {
            let (_, answer) = go(mode, Some(SENDING_ENDS_MS)).await;
            if answer { Ok(url) } else { Err(Unfit::Unknown) }
        })
    }

    fn post(&self, _object: &str, posted: Posted) -> Task<'static, std::result::Result<u16, DeliveryError>> {
        let (world, (mode, status)) =
            (self.this(), self.targets.borrow().get(&posted.url).copied().unwrap_or((Mode::Well, 200)));
        Box::pin(async move {
            let (effect, answer) = go(mode, Some(posted.timeout_ms)).await;
            if effect {
                world.posted.borrow_mut().push((native::since_start_ms(), posted));
            }
            if answer { Ok(status) } else { Err(DeliveryError::Timeout) }
        })
    }
}
