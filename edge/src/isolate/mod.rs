//! What an isolate keeps in its memory between requests, and how that is filled.
//!
//! All of it is in [`Isolate`]. None of it is the truth: an isolate may end at any time, and beside it there are others
//! that know nothing of it. Each memory is a value of its own, to which the time is an argument; what is remembered is
//! read by `get` and written by `put`.

pub mod catalog;
mod denials;
pub mod entropy;
mod expiring;
mod finished;
mod hits;
pub mod keys;
mod lanes;
pub mod prefilter;
pub mod results;
pub mod targets;
pub mod tokens;
mod workers;

use std::{cell::RefCell, rc::Rc};

use forebay_account::settings::Faults;
use forebay_admission::{readiness, token::key_memory, webhook::Names};
use worker::Env;

use self::{
    denials::{Denials, LimitStatuses},
    expiring::Expiring,
    finished::Finished,
    hits::Hits,
    lanes::Lanes,
    results::Results,
    workers::LastHeard,
};
use crate::config::Config;

/// Everything that an isolate remembers.
pub struct Isolate {
    /// What the operator set.
    config: Option<Rc<Config>>,
    /// The catalog in force.
    catalog: catalog::InForce,
    /// The owners of API keys, by the entry of a secret.
    keys: keys::Records,
    /// What tokens claim that were checked.
    tokens: tokens::Checked,
    /// What issuers publish, by address.
    issuers: Expiring<String, key_memory::KeyMemory>,
    /// Refusals that any other submission of the caller would meet too.
    pub denials: Denials,
    /// How callers stood with their limits when that was last heard.
    pub limits: LimitStatuses,
    /// Jobs in which nothing changes any more.
    pub finished: Finished,
    /// Results, by digest.
    pub results: Results,
    /// How lanes stand.
    pub lanes: Lanes,
    /// Names of webhooks' targets whose addresses are public.
    names: Names,
    /// Answers from memory that usage does not count yet.
    pub hits: Hits,
    /// When a worker was last heard of here.
    pub workers: LastHeard,
    /// Whether jobs got through at the last look.
    pub readiness: readiness::Memory,
    /// Random bytes for what is no secret.
    randomness: entropy::Pool,
}

impl Isolate {
    /// The bounds of all that is remembered: how much of it, for how many milliseconds, and what a miss costs. Where no
    /// number stands, the type has it.
    fn new() -> Self {
        Self {
            // Once an isolate, whose variables never change. A miss: two dozen variables are read.
            config: None,
            // For `CATALOG_RECHECK_MS`. A miss: one read of the namespace.
            catalog: catalog::InForce::default(),
            // A miss: one count of the address, one read of the namespace.
            keys: keys::Records {
                // For so long after a change the namespace may still answer what was before: this isolate knows better.
                changed: Expiring::new(1_000, 120_000),
                // A revoked key stops working within this and the namespace's own cache time: under a minute together.
                known: Expiring::new(1_000, 20_000),
                // So brief that a new key soon works, but long enough that guessing is not a way to spend the
                // namespace's reads. Apart from the known ones, so that guesses cannot push those out.
                unknown: Expiring::new(1_000, 3_000),
            },
            // A busy client's token is checked once in this time; its end is looked at each time. A miss: one check.
            tokens: tokens::Checked::new(1_000, 60_000),
            // A miss: one fetch from the issuer. What is kept says itself when to ask again.
            issuers: Expiring::new(64, key_memory::LONGEST_MS),
            // No longer, for an operator may have widened the plan meanwhile. A miss: one call of the account's object.
            denials: Denials(Expiring::new(10_000, 10_000)),
            // A miss: the answer says nothing of limits.
            limits: LimitStatuses(Expiring::new(10_000, 10_000)),
            // About a kilobyte each. A miss: one call of the account's object.
            finished: Finished(Expiring::new(1_024, 60_000)),
            // In bytes, all together: an eighth of what an isolate may use. A miss: one look into the Cache API.
            results: Results::new(16 << 20, 60_000),
            // A second, and ten where the lane is out of reach. A miss: one call of the lane's object.
            lanes: Lanes::default(),
            // As long as the resolver says, 5 to 300 seconds; a hundred. A miss: two questions to the resolver.
            names: Names::new(),
            // Gathered for five seconds. What is lost with the isolate costs nobody anything.
            hits: Hits::default(),
            // Half a minute. A miss: one call of the object that is asked when a worker was heard of.
            workers: LastHeard::default(),
            // Five seconds. A miss: a queue, the bucket and an object are asked.
            readiness: readiness::Memory::default(),
            // Each given once. A miss: one call of the runtime.
            randomness: entropy::Pool::default(),
        }
    }
}

impl Isolate {
    /// Forgets all results, and all jobs that have one.
    pub fn forget_results(&mut self) {
        self.finished.clear();
        self.results.clear();
    }
}

thread_local! {
    static ISOLATE: RefCell<Isolate> = RefCell::new(Isolate::new());
}

/// What `act` makes of the isolate's memory. It asks nobody and draws nothing, which would look into memory again.
pub fn with<T>(act: impl FnOnce(&mut Isolate) -> T) -> T {
    ISOLATE.with_borrow_mut(act)
}

/// What the operator set; says which variables are missing or wrong.
pub fn config(env: &Env) -> Result<Rc<Config>, Faults> {
    if let Some(config) = with(|isolate| isolate.config.clone()) {
        return Ok(config);
    }
    let config = Rc::new(Config::read(&|name| env.var(name).ok().map(|value| value.to_string()))?);
    with(|isolate| isolate.config = Some(Rc::clone(&config)));
    Ok(config)
}
