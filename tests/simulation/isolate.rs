//! The Worker in front of the objects: isolates that each remember their own.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use forebay_account::{Call, Job, KnownResult};
use forebay_contract::{Digest, Report, ReportAnswer, ReportEvent, ShardKey};
use serde::de::DeserializeOwned;

use crate::{cloud::Cloud, native::since_start_ms, released, trouble::Fault};

/// How long an isolate goes by what it has delivered itself.
const REMEMBER_MS: u64 = 60_000;

/// All isolates.
pub(crate) struct Isolates {
    pub(crate) cloud: Rc<Cloud>,
    /// By number: the results that it has delivered, and until when it goes by that.
    remembered: RefCell<Vec<BTreeMap<Digest, (KnownResult, u64)>>>,
}

/// No answer, or none that says anything.
#[derive(Debug)]
pub(crate) struct NoAnswer;

impl Isolates {
    pub(crate) fn new(cloud: Rc<Cloud>) -> Rc<Self> {
        let count = cloud.scenario.isolates as usize;
        Rc::new(Self { cloud, remembered: RefCell::new(vec![BTreeMap::new(); count]) })
    }

    /// The one that a request comes to.
    pub(crate) fn any(&self) -> usize {
        let one = self.cloud.random(0, self.cloud.scenario.isolates - 1) as usize;
        if self.cloud.scenario.troubles.strikes(Fault::IsolateCold) {
            self.remembered.borrow_mut()[one].clear();
        }
        one
    }

    /// A deployment: all of them start anew.
    pub(crate) fn restart(&self) {
        self.remembered.borrow_mut().iter_mut().for_each(BTreeMap::clear);
    }

    pub(crate) fn known(&self, isolate: usize, digest: &Digest) -> Option<KnownResult> {
        let remembered = self.remembered.borrow();
        let (known, until_ms) = remembered[isolate].get(digest)?;
        (*until_ms > since_start_ms()).then(|| known.clone())
    }

    pub(crate) fn remember(&self, isolate: usize, job: &Job) {
        let known = KnownResult::of(job);
        self.remembered.borrow_mut()[isolate].insert(job.digest, (known, since_start_ms() + REMEMBER_MS));
    }

    /// Calls an account's object.
    pub(crate) async fn call<Answer: DeserializeOwned>(
        &self,
        account: usize,
        call: &Call,
        rest: &str,
    ) -> Result<Answer, NoAnswer> {
        let mut call = serde_json::to_string(call).map_err(|_| NoAnswer)?;
        if self.cloud.scenario.troubles.strikes(Fault::OldWorker) {
            call = released::as_released(&call).unwrap_or(call);
        }
        let answer = self.ask(account, format!("{call}\n{rest}")).await?;
        serde_json::from_str(&answer).map_err(|_| NoAnswer)
    }

    /// The same with the answer as it is.
    pub(crate) async fn ask(&self, account: usize, call: String) -> Result<String, NoAnswer> {
        self.configured()?;
        let object = self.cloud.account(account);
        self.cloud.call(object, call).await.map_err(|_| NoAnswer)
    }

    /// A worker's report: one call an object that it concerns.
    pub(crate) async fn report(&self, report: Report) -> Result<ReportAnswer, ()> {
        self.configured().map_err(|_| ())?;
        let mut shards: BTreeMap<ShardKey, Vec<ReportEvent>> = BTreeMap::new();
        for event in report.events {
            shards.entry(event.job_id.shard()).or_default().push(event);
        }
        let mut answer = ReportAnswer::default();
        for (shard, events) in shards {
            let call = Call::Report { worker: report.worker.clone(), events };
            let call = serde_json::to_string(&call).map_err(|_| ())?;
            let object = self.cloud.shard(&shard.to_string()).ok_or(())?;
            let text = self.cloud.call(object, call).await.map_err(|_| ())?;
            answer.canceled.extend(serde_json::from_str::<ReportAnswer>(&text).map_err(|_| ())?.canceled);
        }
        Ok(answer)
    }

    /// Nothing is answered while a setting is wrong.
    fn configured(&self) -> Result<(), NoAnswer> {
        if self.cloud.scenario.troubles.is_about(Fault::BrokenSetting) { Err(NoAnswer) } else { Ok(()) }
    }
}
