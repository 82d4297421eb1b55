//! What lies beyond an object: the other objects, queues, bucket, webhook targets, settings and clocks.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
    sync::Arc,
    time::Duration,
};

use forebay_backend::{
    queue::MemoryQueue,
    store::{MemoryStore, Store as _},
};
use forebay_contract::{JobMessage, Lane, ShardKey};
use forebay_edge::inside::{AwsError, CallError, Config, DeliveryError, Error, ObjectHead, Result, Taken, Task, Unfit};
use tokio::{task::spawn_local, time::sleep};

use crate::{
    judge::Judge,
    native::{
        Chance, Class, Death, Object, Posted, START_MS, World,
        planted::{self, Defect},
        since_start_ms,
    },
    scenario::{LANES, Scenario},
    trouble::Fault,
};

/// «Bounded in time»: what the edge waits for SQS and S3 at most.
const AWS_TIMEOUT_MS: u64 = 10_000;
/// The longest that a call of an object takes on its way, there and back.
const FAR_MS: u64 = 300;
/// Objects read at most so much.
const MAX_BYTES: u64 = 65_536;

pub(crate) struct Cloud {
    this: Weak<Self>,
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) judge: Arc<Judge>,
    pub(crate) queues: BTreeMap<Lane, Arc<MemoryQueue>>,
    pub(crate) store: Arc<MemoryStore>,
    accounts: RefCell<Vec<Rc<Object>>>,
    lanes: RefCell<BTreeMap<String, Rc<Object>>>,
    skews_ms: RefCell<BTreeMap<String, i64>>,
    chance: RefCell<Chance>,
    settings: BTreeMap<&'static str, String>,
}

impl Cloud {
    pub(crate) fn new(
        scenario: Arc<Scenario>,
        judge: Arc<Judge>,
        queues: BTreeMap<Lane, Arc<MemoryQueue>>,
        store: Arc<MemoryStore>,
    ) -> Rc<Self> {
        let set = |name, value: &str| (name, value.to_owned());
        let settings = BTreeMap::from([
            set("QUEUE_URL_PREFIX", "https://sqs.eu-west-1.amazonaws.com/1/forebay"),
            set("BUCKET_URL", "https://forebay.s3.eu-west-1.amazonaws.com"),
            set("AWS_REGION", "eu-west-1"),
            set("AWS_ACCESS_KEY_ID", "key"),
            set("AWS_SECRET_ACCESS_KEY", "secret"),
            set("REPORT_SECRET", "a secret of reports"),
            set("RECONCILE_AFTER_MS", &scenario.reconcile_after_ms.to_string()),
        ]);
        let cloud = Rc::new_cyclic(|this| Self {
            this: this.clone(),
            chance: RefCell::new(Chance::new(scenario.seed, "cloud")),
            scenario,
            judge,
            queues,
            store,
            accounts: RefCell::default(),
            lanes: RefCell::default(),
            skews_ms: RefCell::default(),
            settings,
        });
        let object = |account: &crate::scenario::Account| {
            Object::new(Class::Account, &ShardKey::new(&account.name, 0).to_string(), cloud.clone())
        };
        *cloud.accounts.borrow_mut() = cloud.scenario.accounts.iter().map(object).collect();
        cloud
    }

    pub(crate) fn account(&self, number: usize) -> Rc<Object> {
        self.accounts.borrow()[number].clone()
    }

    /// The object that keeps a shard.
    pub(crate) fn shard(&self, shard: &str) -> Option<Rc<Object>> {
        self.accounts.borrow().iter().find(|object| object.name() == shard).cloned()
    }

    pub(crate) fn accounts(&self) -> Vec<Rc<Object>> {
        self.accounts.borrow().clone()
    }

    /// All of them, in an order.
    pub(crate) fn objects(&self) -> Vec<Rc<Object>> {
        self.accounts.borrow().iter().chain(self.lanes.borrow().values()).cloned().collect()
    }

    /// The end of the world: objects and world know each other.
    pub(crate) fn end(&self) {
        self.objects().iter().for_each(|object| object.kill());
        self.accounts.borrow_mut().clear();
        self.lanes.borrow_mut().clear();
    }

    pub(crate) fn random(&self, least: u64, most: u64) -> u64 {
        self.chance.borrow_mut().between(least, most)
    }

    /// How an object is called is the same for all: on its way for up to 300 ms each way, and lost now and then.
    pub(crate) fn call(
        &self,
        object: Rc<Object>,
        call: String,
    ) -> Task<'static, std::result::Result<String, CallError>> {
        let cloud = self.this();
        let troubles = &self.scenario.troubles;
        let (there_ms, back_ms) = (self.random(0, FAR_MS), self.random(0, FAR_MS));
        if troubles.strikes(Fault::CallLost) {
            return Box::pin(async move {
                sleep(Duration::from_millis(there_ms)).await;
                Err(CallError { what: "the call was lost".to_owned(), overloaded: false, retryable: true })
            });
        }
        let gone = troubles.strikes(Fault::CallerGone).then(|| self.random(0, there_ms));
        let lost = troubles.strikes(Fault::AnswerLost);
        let arrives = async move {
            sleep(Duration::from_millis(there_ms)).await;
            let answer = object.ask(&call).await;
            sleep(Duration::from_millis(back_ms)).await;
            if lost { Err(CallError::new("the answer was lost")) } else { answer }
        };
        match gone {
            // It arrives all the same.
            Some(gone_ms) => Box::pin(async move {
                spawn_local(arrives);
                sleep(Duration::from_millis(gone_ms)).await;
                drop(cloud);
                Err(CallError::new("the caller is gone"))
            }),
            None => Box::pin(arrives),
        }
    }

    fn lane(&self, name: &str) -> Rc<Object> {
        let make = || Object::new(Class::Lane, name, self.this());
        self.lanes.borrow_mut().entry(name.to_owned()).or_insert_with(make).clone()
    }

    fn this(&self) -> Rc<Self> {
        self.this.upgrade().expect("the world outlives its objects")
    }

    /// Another machine has another clock.
    pub(crate) fn move_clock(&self, object: &Object) {
        if self.scenario.troubles.is_about(Fault::ClockOff) {
            self.scenario.troubles.count(Fault::ClockOff);
            let off_ms = i64::try_from(self.random(0, 6_000)).unwrap_or(0) - 3_000;
            self.judge.note(format!("the clock of {} is {off_ms} ms off", short(object.name())));
            self.skews_ms.borrow_mut().insert(object.name().to_owned(), off_ms);
        }
    }

    fn take(&self, lane: Lane, text: String) -> Taken {
        let troubles = &self.scenario.troubles;
        let Ok(message) = JobMessage::from_json(&text) else { return Taken::Never("unreadable".to_owned()) };
        let id = message.job_id;
        if self.judge.is_refused(id) || troubles.strikes(Fault::MessageInvalid) {
            self.judge.refused(id);
            return Taken::Never("InvalidMessageContents".to_owned());
        }
        let queue = self.queues[&lane].clone();
        if troubles.strikes(Fault::MessageLost) {
            self.judge.taken(&text, "and lost");
        } else if troubles.strikes(Fault::MessageLate) {
            self.judge.taken(&text, "late");
            let late_ms = troubles.ms(Fault::MessageLate, 500, 20_000);
            spawn_local(async move {
                sleep(Duration::from_millis(late_ms)).await;
                queue.send(text);
            });
        } else {
            let double = troubles.strikes(Fault::MessageDoubled);
            self.judge.taken(&text, if double { "twice" } else { "once" });
            if double {
                queue.send(text.clone());
            }
            queue.send(text);
        }
        Taken::Yes
    }

    /// The way to the bucket and back; an error where it fails.
    async fn bucket(&self) -> std::result::Result<(), AwsError> {
        let troubles = &self.scenario.troubles;
        let mut wait_ms = self.random(5, 100);
        if troubles.strikes(Fault::BucketSlow) {
            wait_ms = troubles.ms(Fault::BucketSlow, 1_000, 15_000);
        }
        sleep(Duration::from_millis(wait_ms.min(AWS_TIMEOUT_MS))).await;
        if wait_ms > AWS_TIMEOUT_MS || troubles.strikes(Fault::BucketAway) {
            return Err(AwsError::Unreachable("the bucket is away".to_owned()));
        }
        Ok(())
    }
}

/// The beginning of a name that nobody reads to its end.
pub(crate) fn short(name: &str) -> &str {
    name.get(..6).unwrap_or(name)
}

impl World for Cloud {
    fn now_ms(&self, object: &str) -> u64 {
        self.alarm_clock_ms().saturating_add_signed(self.skews_ms.borrow().get(object).copied().unwrap_or(0))
    }

    fn alarm_clock_ms(&self) -> u64 {
        START_MS + since_start_ms()
    }

    fn alarm_delay_ms(&self, _object: &str) -> u64 {
        let troubles = &self.scenario.troubles;
        if troubles.strikes(Fault::AlarmLate) { troubles.ms(Fault::AlarmLate, 500, 20_000) } else { 0 }
    }

    fn rings_again(&self, _object: &str) -> bool {
        self.scenario.troubles.strikes(Fault::AlarmTwice)
    }

    fn died(&self, object: &str, death: Option<Death>) {
        let fault = match death {
            Some(Death::BeforeCommit) => Fault::DiesBeforeCommit,
            Some(Death::AfterCommit) => Fault::DiesAfterCommit,
            None => return,
        };
        self.scenario.troubles.count(fault);
        self.judge.note(format!("{} dies: {fault:?}", short(object)));
    }

    fn config(&self, _object: &str) -> Result<Rc<Config>> {
        let broken = self.scenario.troubles.lasts(Fault::BrokenSetting, None);
        let read = |name: &str| match name {
            "SOCKETS_MAX" if broken => Some("many".to_owned()),
            name => self.settings.get(name).cloned(),
        };
        Config::read(&read).map(Rc::new).map_err(|faults| Error::Config(faults.to_string()))
    }

    fn fill(&self, _object: &str, bytes: &mut [u8]) {
        let mut chance = self.chance.borrow_mut();
        bytes.iter_mut().for_each(|byte| *byte = chance.next() as u8);
    }

    fn log(&self, object: &str, event: &str, what: &str) {
        self.judge.note(format!("{} says {event}: {what}", short(object)));
    }

    fn send(
        &self,
        object: &str,
        lane: Lane,
        messages: Vec<String>,
    ) -> Task<'static, std::result::Result<Vec<Taken>, AwsError>> {
        let (cloud, object) = (self.this(), object.to_owned());
        Box::pin(async move {
            let troubles = &cloud.scenario.troubles;
            sleep(Duration::from_millis(cloud.random(5, 100))).await;
            let away = |why: &str| Err(AwsError::Unreachable(why.to_owned()));
            if troubles.lasts(Fault::QueuesDown, None) || troubles.lasts(Fault::QueueDown, Some(lane)) {
                cloud.judge.sent_in_vain(&object, lane);
                return away("the queue is down");
            }
            if troubles.strikes(Fault::SendFails) {
                return away("it was not sent");
            }
            let taken = messages.into_iter().map(|text| cloud.take(lane, text)).collect();
            sleep(Duration::from_millis(cloud.random(1, 50))).await;
            if troubles.strikes(Fault::SendAnswerLost) { away("no answer") } else { Ok(taken) }
        })
    }

    fn find(&self, _object: &str, key: String) -> Task<'static, std::result::Result<Option<ObjectHead>, AwsError>> {
        let cloud = self.this();
        Box::pin(async move {
            cloud.bucket().await?;
            // The answer to HEAD has no body that could say what is missing.
            if cloud.scenario.troubles.lasts(Fault::NoSuchBucket, None) {
                return Ok(None);
            }
            if planted::happens(Defect::HeadLies) {
                return Ok(Some(ObjectHead {
                    media_type: "application/json".to_owned(),
                    bytes: 1,
                    made: None,
                    stored_ms: None,
                }));
            }
            let found = cloud.store.head(&key).await.map_err(|error| AwsError::Unexpected(error.to_string()))?;
            Ok(found.map(|head| ObjectHead {
                media_type: head.media_type,
                bytes: head.bytes,
                made: head.made,
                stored_ms: head.age_ms.map(|age_ms| (START_MS + since_start_ms()).saturating_sub(age_ms)),
            }))
        })
    }

    fn read(&self, _object: &str, key: String) -> Task<'static, std::result::Result<Option<String>, AwsError>> {
        let cloud = self.this();
        Box::pin(async move {
            cloud.bucket().await?;
            if cloud.scenario.troubles.lasts(Fault::NoSuchBucket, None) {
                return Err(AwsError::Status { status: 404, body: "<Code>NoSuchBucket</Code>".to_owned() });
            }
            let found = cloud.store.get(&key, MAX_BYTES).await.ok();
            Ok(found.map(|body| String::from_utf8_lossy(&body).into_owned()))
        })
    }

    fn ask_lane(
        &self,
        _object: &str,
        lane: String,
        call: String,
    ) -> Task<'static, std::result::Result<String, CallError>> {
        let silent = self.scenario.troubles.strikes(Fault::LaneSilent);
        let calling = self.call(self.lane(&lane), call);
        Box::pin(async move {
            let answer = calling.await;
            if silent { std::future::pending().await } else { answer.map(planted::lend_more) }
        })
    }

    fn target(&self, _object: &str, url: String) -> Task<'static, std::result::Result<String, Unfit>> {
        Box::pin(async { Ok(url) })
    }

    fn post(&self, _object: &str, posted: Posted) -> Task<'static, std::result::Result<u16, DeliveryError>> {
        let cloud = self.this();
        Box::pin(async move {
            let troubles = &cloud.scenario.troubles;
            sleep(Duration::from_millis(cloud.random(5, 500))).await;
            if troubles.strikes(Fault::TargetFails) {
                return Ok(if planted::is(Defect::FailedDeliveryIsDone) { 200 } else { 500 });
            }
            cloud.judge.posted(&posted);
            if troubles.strikes(Fault::TargetSilent) {
                sleep(Duration::from_millis(posted.timeout_ms)).await;
                return Err(DeliveryError::Timeout);
            }
            Ok(200)
        })
    }
}

/// A queue for each lane.
pub(crate) fn queues(make: impl Fn(Lane) -> MemoryQueue) -> BTreeMap<Lane, Arc<MemoryQueue>> {
    LANES.iter().map(|lane| (*lane, Arc::new(make(*lane)))).collect()
}
