//! What one Account object holds of shared limits.

use std::collections::BTreeMap;

use forebay_contract::catalog::LimitSpec;

use super::{
    Scope,
    lease::{Answer, Ask, LONGEST_LEASE_MS, RETURN_MS, Returned},
};

/// A lease is not used in its last moments: clocks differ a little, and what is spent must be spent in time.
const MARGIN_MS: u64 = 500;
/// A denial is believed no longer than this: what others hand back is there sooner than was said.
const DENIED_MS: u64 = LONGEST_LEASE_MS;
/// The most limits of which something is held.
const MOST_LIMITS: usize = 256;
/// The most leases of one limit to be given back.
pub const MOST_RETURNED: usize = 16;

/// A shared limit: its id among those of its scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharedLimit {
    /// Whose object lends it.
    pub scope: Scope,
    /// Its id there.
    pub id: String,
}

/// Leases, and what is known of limits that gave none. The clock is an argument.
#[derive(Debug, Default)]
pub struct Holdings(BTreeMap<SharedLimit, Held>);

/// Whether something can be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Spend it.
    Enough,
    /// Ask for this much.
    Ask {
        /// What is missing.
        want: u64,
    },
    /// The limit was found used up a moment ago.
    Denied {
        /// When there will be enough, in milliseconds from now; `None` when never.
        retry_after_ms: Option<u64>,
    },
}

#[derive(Debug)]
struct Held {
    spec: LimitSpec,
    leases: Vec<Lease>,
    denied: Option<Denied>,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    id: u64,
    remaining: u64,
    asked_ms: u64,
    /// The end of its use.
    until_ms: u64,
    /// What is left of it was handed back, or is about to be: whatever the clock does, it is not ours to spend.
    closed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Denied {
    want: u64,
    at_ms: u64,
    until_ms: Option<u64>,
}

impl Holdings {
    /// Whether `amount` of a limit can be spent.
    pub fn need(&self, limit: &SharedLimit, amount: u64, now_ms: u64) -> Need {
        let Some(held) = self.0.get(limit) else { return Need::Ask { want: amount } };
        let want = amount.saturating_sub(held.usable(now_ms));
        if want == 0 {
            return Need::Enough;
        }
        match held.denied.filter(|denied| want >= denied.want && denied.is_believed(now_ms)) {
            Some(denied) => {
                Need::Denied { retry_after_ms: denied.until_ms.map(|until_ms| until_ms.saturating_sub(now_ms)) }
            }
            None => Need::Ask { want },
        }
    }

    /// Spends `amount`; whether there was so much.
    pub fn spend(&mut self, limit: &SharedLimit, amount: u64, now_ms: u64) -> bool {
        let Some(held) = self.0.get_mut(limit) else { return amount == 0 };
        if held.usable(now_ms) < amount {
            return false;
        }
        let mut missing = amount;
        // The oldest end first.
        for lease in held.leases.iter_mut().filter(|lease| lease.is_usable(now_ms)) {
            let spent = lease.remaining.min(missing);
            lease.remaining -= spent;
            missing -= spent;
        }
        true
    }

    /// The question for `want` more, with what is given back along. The call may fail: nothing is lost by that.
    pub fn ask(&mut self, limit: &SharedLimit, spec: &LimitSpec, want: u64, now_ms: u64) -> Ask {
        self.make_room(limit, now_ms);
        let held = self.0.entry(limit.clone()).or_insert_with(|| Held::new(spec.clone()));
        held.spec = spec.clone();
        Ask { limit: limit.id.clone(), spec: spec.clone(), want, returned: held.unused(now_ms) }
    }

    /// Takes in what an ask of `asked_ms` came to. What it gave back is given back.
    pub fn answered(&mut self, limit: &SharedLimit, ask: &Ask, answer: &Answer, asked_ms: u64) {
        let Some(held) = self.0.get_mut(limit) else { return };
        held.leases.retain(|lease| !ask.returned.iter().any(|returned| returned.lease == lease.id));
        match *answer {
            Answer::Granted { lease, amount, expires_ms, .. } => {
                held.denied = None;
                // By our own clock it began no later than we asked; by the ledger's it ends then.
                let until_ms = expires_ms.min(asked_ms.saturating_add(LONGEST_LEASE_MS)).saturating_sub(MARGIN_MS);
                held.leases.push(Lease { id: lease, remaining: amount, asked_ms, until_ms, closed: false });
            }
            Answer::Denied { retry_after_ms, .. } => {
                let until_ms = retry_after_ms.map(|wait_ms| asked_ms.saturating_add(wait_ms));
                held.denied = Some(Denied { want: ask.want, at_ms: asked_ms, until_ms });
            }
            Answer::Noted { .. } => {}
        }
    }

    /// Asks that only give back: leases that are over and have something left. [`Holdings::answered`] ends them.
    pub fn returns(&mut self, now_ms: u64) -> Vec<(SharedLimit, Ask)> {
        self.0.retain(|_, held| held.is_of_use(now_ms));
        let asks = self.0.iter_mut().map(|(limit, held)| {
            let ask = Ask { limit: limit.id.clone(), spec: held.spec.clone(), want: 0, returned: held.unused(now_ms) };
            (limit.clone(), ask)
        });
        asks.filter(|(_, ask)| !ask.returned.is_empty()).collect()
    }

    /// When there is something to give back next, if anything is held.
    pub fn return_at_ms(&self) -> Option<u64> {
        let leases = self.0.values().flat_map(|held| &held.leases);
        leases.filter(|lease| lease.remaining > 0).map(|lease| lease.until_ms).min()
    }

    /// Keeps the bound: what is of no more use goes, else anything; its leases then count as used.
    fn make_room(&mut self, limit: &SharedLimit, now_ms: u64) {
        if self.0.len() < MOST_LIMITS || self.0.contains_key(limit) {
            return;
        }
        self.0.retain(|_, held| held.is_of_use(now_ms));
        while self.0.len() >= MOST_LIMITS && self.0.pop_first().is_some() {}
    }
}

impl Held {
    fn new(spec: LimitSpec) -> Self {
        Self { spec, leases: Vec::new(), denied: None }
    }

    fn usable(&self, now_ms: u64) -> u64 {
        let usable = self.leases.iter().filter(|lease| lease.is_usable(now_ms));
        usable.fold(0, |sum, lease| sum.saturating_add(lease.remaining))
    }

    /// What is left of leases that are over. They are closed by this, so saying it twice is saying the same.
    fn unused(&mut self, now_ms: u64) -> Vec<Returned> {
        self.prune(now_ms);
        let over = self.leases.iter_mut().filter(|lease| !lease.is_usable(now_ms)).take(MOST_RETURNED);
        let returned = over.map(|lease| {
            lease.closed = true;
            Returned { lease: lease.id, unused: lease.remaining }
        });
        returned.collect()
    }

    /// Drops what is spent or too old to be given back.
    fn prune(&mut self, now_ms: u64) {
        self.leases.retain(|lease| lease.remaining > 0 && !lease.is_too_old(now_ms));
    }

    fn is_of_use(&mut self, now_ms: u64) -> bool {
        self.prune(now_ms);
        !self.leases.is_empty() || self.denied.is_some_and(|denied| denied.is_believed(now_ms))
    }
}

impl Lease {
    fn is_usable(&self, now_ms: u64) -> bool {
        !self.closed && (self.asked_ms..self.until_ms).contains(&now_ms)
    }

    fn is_too_old(&self, now_ms: u64) -> bool {
        now_ms > self.until_ms.saturating_add(RETURN_MS)
    }
}

impl Denied {
    fn is_believed(&self, now_ms: u64) -> bool {
        let age_ms = now_ms.checked_sub(self.at_ms);
        age_ms.is_some_and(|age_ms| age_ms < DENIED_MS) && self.until_ms.is_none_or(|until_ms| now_ms < until_ms)
    }
}
