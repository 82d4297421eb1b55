//! What lies beyond an object: the other objects, queues, bucket, webhook targets, settings and clocks.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
    sync::Arc,
    time::Duration,
};

use forebay_account::platform::{AwsError, CallError, QueueAnswer, Task};
use forebay_backend::{queue::MemoryQueue, store::MemoryStore};
use forebay_contract::{JobMessage, Lane, ShardKey};
use tokio::{task::spawn_local, time::sleep};

use crate::{
    judge::Judge,
    native::{Chance, Class, Object},
    scenario::{LANES, Scenario},
    trouble::Fault,
};

/// «Bounded in time»: what the edge waits for SQS and S3 at most.
const AWS_TIMEOUT_MS: u64 = 10_000;
/// The longest that a call of an object takes on its way, there and back.
const FAR_MS: u64 = 300;
/// Objects read at most so much.
pub(crate) const MAX_BYTES: u64 = 65_536;

pub(crate) struct Cloud {
    this: Weak<Self>,
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) judge: Arc<Judge>,
    pub(crate) queues: BTreeMap<Lane, Arc<MemoryQueue>>,
    pub(crate) store: Arc<MemoryStore>,
    accounts: RefCell<Vec<Rc<Object>>>,
    lanes: RefCell<BTreeMap<String, Rc<Object>>>,
    pub(crate) skews_ms: RefCell<BTreeMap<String, i64>>,
    pub(crate) chance: RefCell<Chance>,
    pub(crate) settings: BTreeMap<&'static str, String>,
}

impl Cloud {
    pub(crate) fn new(
        scenario: Arc<Scenario>,
        judge: Arc<Judge>,
        queues: BTreeMap<Lane, Arc<MemoryQueue>>,
        store: Arc<MemoryStore>,
    ) -> Rc<Self> {
        let settings = BTreeMap::from([("RECONCILE_AFTER_MS", scenario.reconcile_after_ms.to_string())]);
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

    pub(crate) fn lane(&self, name: &str) -> Rc<Object> {
        let make = || Object::new(Class::Lane, name, self.this());
        self.lanes.borrow_mut().entry(name.to_owned()).or_insert_with(make).clone()
    }

    pub(crate) fn this(&self) -> Rc<Self> {
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

    pub(crate) fn take(&self, lane: Lane, text: String) -> QueueAnswer {
        let troubles = &self.scenario.troubles;
        let Ok(message) = JobMessage::from_json(&text) else { return QueueAnswer::Never("unreadable".to_owned()) };
        let id = message.job_id;
        if self.judge.is_refused(id) || troubles.strikes(Fault::MessageInvalid) {
            self.judge.refused(id);
            return QueueAnswer::Never("InvalidMessageContents".to_owned());
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
        QueueAnswer::Yes
    }

    /// The way to the bucket and back; an error where it fails.
    pub(crate) async fn bucket(&self) -> std::result::Result<(), AwsError> {
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

/// A queue for each lane.
pub(crate) fn queues(make: impl Fn(Lane) -> MemoryQueue) -> BTreeMap<Lane, Arc<MemoryQueue>> {
    LANES.iter().map(|lane| (*lane, Arc::new(make(*lane)))).collect()
}
