//! The world as workerd gives it.

use std::{rc::Rc, time::Duration};

use forebay_contract::Lane;
use js_sys::Reflect;
use worker::{Delay, Env, SqlStorage, State, Storage, WebSocket};

use forebay_account::{
    DeliveryError, NewKeys,
    platform::{
        AwsError, CallError, Error, ObjectHead, Platform, Post, QueueAnswer, Result, Rows, Socket, Task, Value,
    },
    settings::Settings,
};
use forebay_admission::webhook::Unfit;

use super::{
    ask::{Class, ask_object},
    post, signing, sql,
};
use crate::{
    aws::sqs,
    config::Config,
    isolate::{self, entropy, targets},
    runtime,
};

/// What a Lane object takes at most to answer; who asks has less patience of its own.
const LANE_PATIENCE_MS: u64 = 10_000;

/// An object of the runtime.
pub struct Workerd {
    state: State,
    storage: Storage,
    sql: SqlStorage,
    env: Env,
}

impl Workerd {
    /// The world of the object that the runtime gave `state`.
    pub fn new(state: State, env: Env) -> Rc<Self> {
        let storage = state.storage();
        Rc::new(Self { sql: storage.sql(), storage, state, env })
    }

    /// Takes a socket that sleeps with the object.
    pub fn accept(&self, socket: WebSocket) -> Rc<dyn Socket> {
        self.state.accept_web_socket(&socket);
        Rc::new(Held(socket))
    }
}

impl Platform for Workerd {
    fn name(&self) -> String {
        self.state.id().name().unwrap_or_else(|| self.state.id().to_string())
    }

    fn settings(&self) -> Result<Rc<Settings>> {
        Ok(self.config()?.account.clone())
    }

    fn now_ms(&self) -> u64 {
        runtime::now_ms()
    }

    fn fill(&self, bytes: &mut [u8], secret: bool) {
        entropy::fill(bytes, secret);
    }

    fn log(&self, event: &str, what: &str) {
        runtime::log_line(event, what);
    }

    fn sql(&self, statement: &str, values: Vec<Value>, rows: Rows) -> Result<String> {
        let values = if values.is_empty() { None } else { Some(serde_json::to_string(&values)?) };
        sql::run(self.storage.as_raw().as_ref(), statement, values.as_deref(), rows == Rows::Named).map_err(storage)
    }

    fn stored_bytes(&self) -> u64 {
        // Not the crate's own, whose numbers end at 4 GiB.
        let bytes = Reflect::get(self.sql.as_ref(), &"databaseSize".into());
        bytes.ok().and_then(|bytes| bytes.as_f64()).unwrap_or(0.0) as u64
    }

    fn alarm(&self) -> Task<'_, Result<Option<u64>>> {
        Box::pin(async move {
            let alarm = self.storage.get_alarm().await.map_err(|error| Error::Storage(error.to_string()))?;
            Ok(alarm.and_then(|at_ms| u64::try_from(at_ms).ok()))
        })
    }

    fn set_alarm(&self, at_ms: Option<u64>) -> Task<'_, Result<()>> {
        Box::pin(async move {
            let wait_ms = at_ms.map(|at_ms| i64::try_from(at_ms.saturating_sub(self.now_ms())).unwrap_or(i64::MAX));
            let set = match wait_ms {
                Some(wait_ms) => self.storage.set_alarm(wait_ms).await,
                None => self.storage.delete_alarm().await,
            };
            set.map_err(|error| storage(error.to_string()))
        })
    }

    fn spawn(&self, task: Task<'static, ()>) {
        self.state.wait_until(task);
    }

    fn sleep(&self, ms: u64) -> Task<'static, ()> {
        Box::pin(Delay::from(Duration::from_millis(ms)))
    }

    fn send<'a>(
        &'a self,
        lane: Lane,
        messages: &'a [&'a str],
    ) -> Task<'a, std::result::Result<Vec<QueueAnswer>, AwsError>> {
        Box::pin(async move {
            let config = self.aws()?;
            let queue_url = lane.queue_url(&config.queue_url_prefix);
            sqs::send_batch(&config.signer, self.now_ms(), &queue_url, messages).await
        })
    }

    fn find<'a>(&'a self, key: &'a str) -> Task<'a, std::result::Result<Option<ObjectHead>, AwsError>> {
        Box::pin(async move {
            let config = self.aws()?;
            config.bucket().head(self.now_ms(), key).await
        })
    }

    fn read<'a>(&'a self, key: &'a str) -> Task<'a, std::result::Result<Option<String>, AwsError>> {
        Box::pin(async move {
            let config = self.aws()?;
            config.bucket().get_small(self.now_ms(), key).await
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> Task<'a, std::result::Result<(), AwsError>> {
        Box::pin(async move {
            let config = self.aws()?;
            config.bucket().delete(self.now_ms(), key).await
        })
    }

    fn ask_lane<'a>(&'a self, object: &'a str, call: &'a str) -> Task<'a, std::result::Result<String, CallError>> {
        Box::pin(ask_object(&self.env, Class::Lane, object, call, LANE_PATIENCE_MS))
    }

    fn target<'a>(&'a self, url: &'a str) -> Task<'a, std::result::Result<String, Unfit>> {
        Box::pin(async move {
            let config = self.config().map_err(|_| Unfit::Unknown)?;
            targets::check(&config, url).await
        })
    }

    fn new_keys(&self) -> Task<'_, std::result::Result<NewKeys, String>> {
        Box::pin(signing::new_keys())
    }

    fn sign<'a>(&'a self, keys: [&'a str; 2], content: &'a str) -> Task<'a, std::result::Result<String, String>> {
        Box::pin(signing::signatures(keys, content))
    }

    fn post<'a>(&'a self, post: Post<'a>) -> Task<'a, std::result::Result<u16, DeliveryError>> {
        Box::pin(post::post(post))
    }

    fn sockets(&self) -> Vec<Rc<dyn Socket>> {
        self.state.get_websockets().into_iter().map(|socket| Rc::new(Held(socket)) as Rc<dyn Socket>).collect()
    }
}

impl Workerd {
    fn config(&self) -> Result<Rc<Config>> {
        isolate::config(&self.env).map_err(|faults| Error::Config(faults.to_string()))
    }

    fn aws(&self) -> std::result::Result<Rc<Config>, AwsError> {
        self.config().map_err(|error| AwsError::Unreachable(error.to_string()))
    }
}

/// As the runtime takes it.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub(super) fn broken(error: Error) -> worker::Error {
    worker::Error::RustError(error.to_string())
}

/// What the runtime says of its storage.
fn storage(why: String) -> Error {
    if why.contains("SQLITE_FULL") { Error::Full(why) } else { Error::Storage(why) }
}

/// A socket that the runtime holds.
pub struct Held(WebSocket);

impl Held {
    /// One that the runtime speaks of.
    pub fn of(socket: WebSocket) -> Self {
        Self(socket)
    }
}

impl Socket for Held {
    fn send(&self, text: &str) {
        // One that is closing is forgotten when its end is told.
        let _: worker::Result<()> = self.0.send_with_str(text);
    }

    fn close(&self, code: u16, reason: &str) {
        let _: worker::Result<()> = self.0.close(Some(code), Some(reason));
    }

    fn unread_bytes(&self) -> u32 {
        self.0.as_ref().buffered_amount()
    }

    fn kept(&self) -> Option<String> {
        self.0.deserialize_attachment().ok().flatten()
    }

    fn keep(&self, text: &str) -> Result<()> {
        self.0.serialize_attachment(text).map_err(|error| Error::Storage(error.to_string()))
    }
}
