//! [`Platform`] over SQLite and a [`World`](super::World).

use std::{rc::Rc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use forebay_account::{
    DeliveryError, NewKeys,
    platform::{
        AwsError, CallError, Error, ObjectHead, Platform, Post, QueueAnswer, Result, Rows, Socket, Task, Value,
    },
    settings::Settings,
};
use forebay_admission::webhook::Unfit;
use forebay_contract::Lane;
use ring::hmac;

use super::{
    life::Life,
    object::Object,
    planted::{self, Defect},
    world::{Posted, World},
};

/// The platform of one life of an object.
pub(crate) struct Native {
    object: Rc<Object>,
    life: Rc<Life>,
}

impl Native {
    pub(super) fn new(object: Rc<Object>, life: Rc<Life>) -> Self {
        Self { object, life }
    }

    fn world(&self) -> &dyn World {
        self.object.world.as_ref()
    }

    fn alive(&self) -> Result<()> {
        if self.life.is_over() { Err(Error::Storage("the object is gone".to_owned())) } else { Ok(()) }
    }

    /// Asks the world for something, behind this turn's commit.
    fn outside<T: 'static>(
        &self,
        begin: impl FnOnce(&dyn World, &str) -> Task<'static, T> + 'static,
    ) -> Task<'static, T> {
        let object = self.object.clone();
        self.life.ask(move || begin(object.world.as_ref(), object.name()))
    }
}

type Answer<T, E> = std::result::Result<T, E>;

impl Platform for Native {
    fn name(&self) -> String {
        self.object.name().to_owned()
    }

    fn settings(&self) -> Result<Rc<Settings>> {
        self.world().settings(self.object.name())
    }

    fn now_ms(&self) -> u64 {
        self.world().now_ms(self.object.name())
    }

    fn fill(&self, bytes: &mut [u8], _secret: bool) {
        self.world().fill(self.object.name(), bytes);
    }

    fn log(&self, event: &str, what: &str) {
        self.world().log(self.object.name(), event, what);
    }

    fn sql(&self, statement: &str, values: Vec<Value>, rows: Rows) -> Result<String> {
        self.alive()?;
        let mut read = "[]".to_owned();
        for (statement, values) in planted::statements(self.object.is_lane(), statement, values) {
            read = self.object.disk.sql(&statement, values, rows)?;
        }
        Ok(read)
    }

    fn stored_bytes(&self) -> u64 {
        self.object.disk.stored_bytes()
    }

    fn alarm(&self) -> Task<'_, Result<Option<u64>>> {
        let (alive, alarm_ms) = (self.alive(), self.object.disk.alarm_ms());
        Box::pin(async move { alive.map(|()| alarm_ms) })
    }

    fn set_alarm(&self, at_ms: Option<u64>) -> Task<'_, Result<()>> {
        if planted::is(Defect::AlarmNotSet) {
            return Box::pin(async { Ok(()) });
        }
        // In the turn that asks for it, not in the one that waits for it.
        let set = self.alive().and_then(|()| self.object.disk.set_alarm(at_ms));
        Box::pin(async move { set })
    }

    fn spawn(&self, task: Task<'static, ()>) {
        self.life.spawn(task);
    }

    fn sleep(&self, ms: u64) -> Task<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }

    fn send<'a>(&'a self, lane: Lane, messages: &'a [&'a str]) -> Task<'a, Answer<Vec<QueueAnswer>, AwsError>> {
        let messages = messages.iter().map(|text| (*text).to_owned()).collect();
        if planted::is(Defect::NoBackoff) {
            let messages: Vec<String> = messages;
            let object = self.object.clone();
            return self.outside(move |_, _| Box::pin(send_at_once_again(object, lane, messages)));
        }
        self.outside(move |world, name| world.send(name, lane, messages))
    }

    fn find<'a>(&'a self, key: &'a str) -> Task<'a, Answer<Option<ObjectHead>, AwsError>> {
        let key = key.to_owned();
        self.outside(move |world, name| world.find(name, key))
    }

    fn read<'a>(&'a self, key: &'a str) -> Task<'a, Answer<Option<String>, AwsError>> {
        let key = key.to_owned();
        self.outside(move |world, name| world.read(name, key))
    }

    fn remove<'a>(&'a self, key: &'a str) -> Task<'a, Answer<(), AwsError>> {
        let key = key.to_owned();
        self.outside(move |world, name| world.remove(name, key))
    }

    fn ask_lane<'a>(&'a self, object: &'a str, call: &'a str) -> Task<'a, Answer<String, CallError>> {
        let (lane, call) = (object.to_owned(), call.to_owned());
        self.outside(move |world, name| world.ask_lane(name, lane, call))
    }

    fn target<'a>(&'a self, url: &'a str) -> Task<'a, Answer<String, Unfit>> {
        let url = url.to_owned();
        self.outside(move |world, name| world.target(name, url))
    }

    /// A secret alone: the private key's signature is the runtime's cryptography, and no decision hangs on it.
    fn new_keys(&self) -> Task<'_, Answer<NewKeys, String>> {
        let mut secret = [0; 32];
        self.fill(&mut secret, true);
        let secret = format!("whsec_{}", BASE64_STANDARD.encode(secret));
        Box::pin(async { Ok(NewKeys { secret, signing_key: String::new(), public_key: "whpk_".to_owned() }) })
    }

    fn sign<'a>(&'a self, keys: [&'a str; 2], content: &'a str) -> Task<'a, Answer<String, String>> {
        let secret = BASE64_STANDARD.decode(keys[0].trim_start_matches("whsec_")).map_err(|error| error.to_string());
        let signed = secret.map(|secret| {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), content.as_bytes());
            format!("v1,{}", BASE64_STANDARD.encode(tag))
        });
        Box::pin(async { signed })
    }

    fn post<'a>(&'a self, post: Post<'a>) -> Task<'a, Answer<u16, DeliveryError>> {
        let posted = Posted {
            url: post.url.to_owned(),
            id: post.id.to_owned(),
            timestamp_s: post.timestamp_s,
            signature: post.signature.to_owned(),
            body: post.body.to_owned(),
            timeout_ms: post.timeout_ms,
        };
        self.outside(move |world, name| world.post(name, posted))
    }

    fn sockets(&self) -> Vec<Rc<dyn Socket>> {
        self.object.open_sockets(&self.life)
    }
}

/// As whoever knows no backoff sends.
async fn send_at_once_again(
    object: Rc<Object>,
    lane: Lane,
    messages: Vec<String>,
) -> Answer<Vec<QueueAnswer>, AwsError> {
    const TIMES: u32 = 60;
    let mut sent = object.world.send(object.name(), lane, messages.clone()).await;
    for _ in 0..TIMES {
        if sent.is_ok() {
            break;
        }
        sent = object.world.send(object.name(), lane, messages.clone()).await;
    }
    sent
}
