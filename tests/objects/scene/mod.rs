//! What a test of objects is written with: accounts, lanes, queues, a bucket and webhook targets, each steered by a word.
//!
//! ```ignore
//! scene::run(|scene| async move {
//!     let account = scene.account("acme");
//!     scene.fakes.queue(Lane::FREE_LIGHT, Mode::Fail);
//!     let job = scene.submit(&account, Wish::default()).await;
//!     account.kill();
//!     scene.pass(1_000).await;
//!     assert_eq!(scene.fakes.sent(Lane::FREE_LIGHT), [job.id]);
//! });
//! ```

#![allow(dead_code, reason = "what one theme does not need another may")]

mod fakes;
mod wish;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use forebay_account::{
    Call, CancelAnswer, Job, SubmitAnswer, SubmitCall, UsageRow,
    platform::{CallError, ObjectHead},
};
use forebay_contract::{JobId, Lane, Made, ReportAnswer, ReportEvent, ShardKey, storage_key};
use serde::de::DeserializeOwned;

#[allow(unused_imports, reason = "a theme that needs it brings it")]
pub(crate) use self::{
    fakes::{Fakes, Logged, Mode, Stored},
    wish::Wish,
};
use crate::native::{self, Class, Object};

/// Runs a test in its own world; the clock stands unless everybody waits.
pub(crate) fn run<F: Future<Output = ()>>(test: impl FnOnce(Scene) -> F + Send + 'static) {
    native::run(0, || test(Scene { fakes: Fakes::new(), shards: Rc::default() }));
}

#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) fakes: Rc<Fakes>,
    /// By the objects' names.
    shards: Rc<RefCell<BTreeMap<String, ShardKey>>>,
}

impl Scene {
    /// A new account's object.
    pub(crate) fn account(&self, account: &str) -> Rc<Object> {
        let shard = ShardKey::new(account, 0);
        self.shards.borrow_mut().insert(shard.to_string(), shard);
        Object::new(Class::Account, &shard.to_string(), self.fakes.clone())
    }

    /// The object of a lane, or of a scope of shared limits.
    pub(crate) fn lane(&self, name: &str) -> Rc<Object> {
        self.fakes.lane(name)
    }

    /// Lets so much time pass.
    pub(crate) async fn pass(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// Waits until it is so; fails where it is not after so much time.
    pub(crate) async fn until(&self, ms: u64, what: &str, so: impl Fn() -> bool) {
        for _ in 0..=ms / 10 {
            if so() {
                return;
            }
            self.pass(10).await;
        }
        panic!("not within {ms} ms: {what}");
    }

    /// Submits a job, which must be accepted or joined.
    pub(crate) async fn submit(&self, account: &Rc<Object>, wish: Wish) -> Job {
        match self.try_submit(account, &wish).await.unwrap() {
            SubmitAnswer::Admitted { job, .. } => *job,
            other => panic!("not admitted: {other:?}"),
        }
    }

    /// Submits a job.
    pub(crate) async fn try_submit(&self, account: &Rc<Object>, wish: &Wish) -> Result<SubmitAnswer, CallError> {
        let (call, message) = self.call(account, wish);
        say(account, &Call::Submit(Box::new(call)), &message).await
    }

    /// What the edge says to submit a job: the call, and the message behind it.
    pub(crate) fn call(&self, account: &Rc<Object>, wish: &Wish) -> (SubmitCall, String) {
        wish.call(self.shards.borrow()[account.name()], native::START_MS + native::since_start_ms())
    }

    /// The job as its object has it.
    pub(crate) async fn job(&self, account: &Rc<Object>, id: JobId) -> Job {
        let job: Option<Job> = say(account, &Call::Job { id, wait_ms: 0 }, "").await.unwrap();
        job.unwrap_or_else(|| panic!("no job {id}"))
    }

    /// Calls a job off.
    pub(crate) async fn cancel(&self, account: &Rc<Object>, id: JobId) -> CancelAnswer {
        say(account, &Call::Cancel { id, caller: "k1".to_owned(), key: None }, "").await.unwrap()
    }

    /// A worker reports.
    pub(crate) async fn report(&self, account: &Rc<Object>, events: Vec<ReportEvent>) -> ReportAnswer {
        say(account, &Call::Report { worker: "w-1".to_owned(), events }, "").await.unwrap()
    }

    /// A worker has stored the job's result, and says nothing of it.
    pub(crate) fn store_result(&self, job: &Job) {
        let made = Some(Made { job_id: job.id, device_ms: 1.0 });
        let stored_ms = Some(native::START_MS + native::since_start_ms());
        let head = ObjectHead { media_type: "application/json".to_owned(), bytes: 2, made, stored_ms };
        self.fakes.store(&storage_key::result(&job.digest), "{}", head);
    }

    /// The state of a job as its object's table has it: looking there wakes nobody.
    pub(crate) fn stored_state(&self, account: &Object, job: &Job) -> String {
        let found = account.sql(&format!("SELECT state FROM jobs WHERE id = '{}'", job.id));
        found.trim_matches(['[', ']', '"']).to_owned()
    }

    /// What the account has used, all days together.
    pub(crate) async fn usage(&self, account: &Rc<Object>) -> Vec<UsageRow> {
        let call = Call::Usage { from: "2000-01-01".to_owned(), to: "2100-01-01".to_owned() };
        say(account, &call, "").await.unwrap()
    }
}

/// Calls an Account object: the call, and what comes behind it as it is.
pub(crate) async fn say<Answer: DeserializeOwned>(
    account: &Rc<Object>,
    call: &Call,
    rest: &str,
) -> Result<Answer, CallError> {
    let call = serde_json::to_string(call).unwrap();
    let answer = account.ask(&format!("{call}\n{rest}")).await?;
    Ok(serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}")))
}

/// The lane that a [`Wish`] is for unless it says another.
pub(crate) const LANE: Lane = Lane::FREE_LIGHT;
