//! What an object knows of limits: what they counted, what it holds of shared ones, who waits for them, which idempotency
//! keys are being decided and which API keys are revoked. Pure.

mod deciding;
pub(crate) mod wait_queue;

use std::{
    cell::{Ref, RefCell},
    collections::BTreeSet,
    rc::Rc,
};

use forebay_contract::catalog::LimitSpec;
use forebay_limits::{
    lending::{
        holdings::{Holdings, Need, SharedLimit},
        lease::{Answer, Ask},
    },
    policy::{Accounts, Buckets, LimitStatus, Policy, Subject, Taken},
};

use self::wait_queue::WaitQueue;
use crate::timers::SingleTask;

pub(crate) use deciding::{Deciding, HeldKey};

/// The limits of one object.
#[derive(Debug, Default)]
pub struct Limits {
    /// What its own limits remember, as stored last.
    buckets: RefCell<Buckets>,
    /// What it holds of shared limits. In memory alone: leases that die with it count as used.
    holdings: RefCell<Holdings>,
    revoked_keys: RefCell<BTreeSet<String>>,
    /// Submissions that wait for a limit.
    pub wait_queue: Rc<WaitQueue>,
    /// Idempotency keys that are being decided.
    pub deciding: Deciding,
    /// Returns what is unused of leases that are over.
    pub return_unused: SingleTask,
}

impl Limits {
    /// Of an object whose tables have this.
    pub fn new(buckets: Buckets, revoked_keys: BTreeSet<String>) -> Self {
        Self { buckets: RefCell::new(buckets), revoked_keys: RefCell::new(revoked_keys), ..Self::default() }
    }

    /// What its own limits remember.
    pub fn buckets(&self) -> Ref<'_, Buckets> {
        self.buckets.borrow()
    }

    /// What it holds of shared limits.
    pub fn holdings(&self) -> Ref<'_, Holdings> {
        self.holdings.borrow()
    }

    /// How a caller stands who has `in_flight` open jobs, for nothing but knowing.
    pub fn statuses(&self, policy: &Policy, subject: &Subject<'_>, in_flight: u64, now_ms: u64) -> Vec<LimitStatus> {
        let buckets = self.buckets.borrow();
        let accounts = Accounts { buckets: &buckets, shared: &|_, want| Need::Ask { want }, in_flight, now_ms };
        policy.statuses(subject, &Buckets::new(), &accounts)
    }

    /// Its own limits remember this from here on.
    pub fn remember(&self, buckets: Buckets) {
        self.buckets.borrow_mut().extend(buckets);
    }

    /// Spends what was granted for the moment `at_ms`; whether some of it was leased.
    pub fn spend(&self, taken: Taken, at_ms: u64) -> bool {
        self.remember(taken.buckets);
        let mut holdings = self.holdings.borrow_mut();
        for (limit, amount) in &taken.shared {
            // Nothing has waited since it was found to be there. By a later clock a lease may have ended, and what was
            // let in would be counted by nobody.
            holdings.spend(limit, *amount, at_ms);
        }
        !taken.shared.is_empty()
    }

    /// Forgets what no longer matters at `now_ms`.
    pub fn sweep(&self, now_ms: u64) {
        self.buckets.borrow_mut().retain(|_, bucket| bucket.until_ms >= now_ms);
    }

    /// What the keepers of shared limits are asked for what is missing.
    pub fn asks(&self, missing: &[(SharedLimit, LimitSpec, u64)], now_ms: u64) -> Vec<(SharedLimit, Ask)> {
        let mut holdings = self.holdings.borrow_mut();
        let ask = |(limit, spec, want): &(SharedLimit, LimitSpec, u64)| {
            (limit.clone(), holdings.ask(limit, spec, *want, now_ms))
        };
        missing.iter().map(ask).collect()
    }

    /// What the keepers get back of leases that are over at `now_ms`.
    pub fn returns(&self, now_ms: u64) -> Vec<(SharedLimit, Ask)> {
        self.holdings.borrow_mut().returns(now_ms)
    }

    /// When the next lease is over that something is unused of.
    pub fn return_at_ms(&self) -> Option<u64> {
        self.holdings.borrow().return_at_ms()
    }

    /// A keeper has answered what it was asked at `asked_ms`; `None` for what it cannot lend.
    pub fn answered(&self, asked: &[(SharedLimit, Ask)], answers: &[Option<Answer>], asked_ms: u64) {
        let mut holdings = self.holdings.borrow_mut();
        for ((limit, ask), answer) in asked.iter().zip(answers) {
            if let Some(answer) = answer {
                holdings.answered(limit, ask, answer, asked_ms);
            }
        }
    }

    /// API keys that nothing is accepted for any more.
    pub fn revoked_keys(&self) -> Ref<'_, BTreeSet<String>> {
        self.revoked_keys.borrow()
    }

    /// Nothing is accepted for an API key any more.
    pub fn revoke(&self, key: String) {
        self.revoked_keys.borrow_mut().insert(key);
    }
}
