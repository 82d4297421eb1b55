//! Leases of shared limits: many holders together never get more than a limit allows.
//!
//! What is granted counts as taken at once. A holder that hands back what it did not use makes room for others; one
//! that never does costs its lease and no more.

use std::collections::BTreeMap;

use forebay_contract::{
    catalog::{LimitSpec, Window},
    ordered,
};
use serde::{Deserialize, Serialize};

use super::lease::{Answer, Ask, LONGEST_LEASE_MS, RETURN_MS, Returned};
use crate::{Level, Memory, Rule, Wait};

/// A holder gets this part of a limit at a time, unless it needs more: large enough to spare calls, small enough that
/// one holder does not keep the others out.
const BLOCKS: u64 = 20;
/// Leases of short windows are short too, but not shorter than is of use.
const SHORTEST_LEASE_MS: u64 = 1_000;
/// The most leases that can be given back. Beyond it the oldest count as used.
const MOST_LEASES: usize = 20_000;

/// A lease that can be given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lent {
    /// Unique among all that were ever lent here.
    pub id: u64,
    /// Of which limit.
    pub limit: String,
    /// To whom.
    pub holder: String,
    /// How much.
    pub amount: u64,
    /// When it was taken, in milliseconds since the epoch.
    pub taken_ms: u64,
    /// When it ends.
    pub expires_ms: u64,
}

/// The memory of one limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// What its rule remembers.
    pub memory: Memory,
    /// When that says no more than nothing would, in milliseconds since the epoch.
    pub forget_ms: u64,
}

/// What calls changed since they were taken last: the rows to write.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    /// Limits by id; to be written over what is there.
    pub kept: BTreeMap<String, Kept>,
    /// New leases.
    pub lent: Vec<Lent>,
    /// Leases that are over.
    pub closed: Vec<u64>,
    /// Limits to forget.
    pub forgotten: Vec<String>,
}

/// The limits of one scope and their leases. The clock is an argument.
#[derive(Debug, Default)]
pub struct Ledger {
    kept: BTreeMap<String, Kept>,
    lent: BTreeMap<u64, Lent>,
    last_id: u64,
    changes: Changes,
}

impl Ledger {
    /// The ledger as it was stored.
    pub fn of(kept: BTreeMap<String, Kept>, lent: impl IntoIterator<Item = Lent>) -> Self {
        let lent = ordered::map(lent.into_iter().map(|lent| (lent.id, lent)));
        let last_id = lent.keys().next_back().copied().unwrap_or(0);
        Self { kept, lent, last_id, changes: Changes::default() }
    }

    /// Settles what `holder` hands back, then grants or denies what it wants. `None` for a limit that cannot be lent,
    /// such as jobs in flight.
    pub fn answer(&mut self, holder: &str, ask: &Ask, now_ms: u64) -> Option<Answer> {
        let rule = Rule::of(&ask.spec)?;
        for returned in &ask.returned {
            self.take_back(&rule, holder, ask, *returned, now_ms);
        }
        let before = self.kept.get(&ask.limit).map(|kept| &kept.memory);
        if ask.want == 0 {
            return Some(Answer::Noted { level: rule.level(before, now_ms) });
        }
        let block = ask.want.max(ask.spec.quantity / BLOCKS);
        let amount = block.min(rule.level(before, now_ms).remaining).max(ask.want);
        // An estimate may see more than there is; what is needed comes first.
        let taken = rule
            .take(before, amount, now_ms)
            .map(|memory| (memory, amount))
            .or_else(|_| rule.take(before, ask.want, now_ms).map(|memory| (memory, ask.want)));
        let (memory, amount) = match taken {
            Ok(taken) => taken,
            Err(Wait { retry_after_ms, memory }) => {
                let level = rule.level(memory.as_ref().or(before), now_ms);
                if let Some(memory) = memory {
                    self.keep(ask, memory, now_ms);
                }
                return Some(Answer::Denied { retry_after_ms, level });
            }
        };
        let level = rule.level(Some(&memory), now_ms);
        self.keep(ask, memory, now_ms);
        let (lease, expires_ms) = self.lend(holder, ask, amount, now_ms);
        Some(Answer::Granted { lease, amount, expires_ms, level })
    }

    /// What is left of a limit, leases counted as used.
    pub fn level(&self, limit: &str, spec: &LimitSpec, now_ms: u64) -> Option<Level> {
        Some(Rule::of(spec)?.level(self.kept.get(limit).map(|kept| &kept.memory), now_ms))
    }

    /// Forgets leases that nobody can give back any more and limits that are whole again.
    pub fn sweep(&mut self, now_ms: u64) {
        let over = self.lent.values().filter(|lent| !lent.can_be_returned(now_ms)).map(|lent| lent.id);
        for id in over.collect::<Vec<_>>() {
            self.close(id);
        }
        let whole = self.kept.iter().filter(|(_, kept)| kept.forget_ms <= now_ms).map(|(limit, _)| limit.clone());
        for limit in whole.collect::<Vec<_>>() {
            self.kept.remove(&limit);
            self.changes.kept.remove(&limit);
            self.changes.forgotten.push(limit);
        }
    }

    /// How many limits are remembered.
    pub fn limits(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.lent.is_empty()
    }

    /// What has changed since the last time.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    fn take_back(&mut self, rule: &Rule, holder: &str, ask: &Ask, returned: Returned, now_ms: u64) {
        let Some(lent) = self.lent.get(&returned.lease) else { return };
        if lent.holder != holder || lent.limit != ask.limit || !lent.can_be_returned(now_ms) {
            return;
        }
        let (unused, taken_ms) = (returned.unused.min(lent.amount), lent.taken_ms);
        self.close(returned.lease);
        if let Some(kept) = self.kept.get(&ask.limit).filter(|_| unused > 0) {
            let memory = rule.give_back(&kept.memory, unused, taken_ms, now_ms);
            self.keep(ask, memory, now_ms);
        }
    }

    fn keep(&mut self, ask: &Ask, memory: Memory, now_ms: u64) {
        // A window that slides looks back at the one before.
        let forget_ms = now_ms.saturating_add(window_ms(&ask.spec).saturating_mul(2));
        let kept = Kept { memory, forget_ms };
        self.changes.kept.insert(ask.limit.clone(), kept.clone());
        self.kept.insert(ask.limit.clone(), kept);
    }

    /// The new lease's id and end.
    fn lend(&mut self, holder: &str, ask: &Ask, amount: u64, now_ms: u64) -> (u64, u64) {
        while self.lent.len() >= MOST_LEASES {
            let Some(oldest) = self.lent.keys().next().copied() else { break };
            self.close(oldest);
        }
        // From the clock, so that ids are not used again after every lease is gone and forgotten.
        let id = self.last_id.saturating_add(1).max(now_ms.saturating_mul(1000));
        let lasts_ms = (window_ms(&ask.spec) / 2).clamp(SHORTEST_LEASE_MS, LONGEST_LEASE_MS);
        let lent = Lent {
            id,
            limit: ask.limit.clone(),
            holder: holder.to_owned(),
            amount,
            taken_ms: now_ms,
            expires_ms: now_ms.saturating_add(lasts_ms),
        };
        let expires_ms = lent.expires_ms;
        self.last_id = id;
        self.changes.lent.push(lent.clone());
        self.lent.insert(id, lent);
        (id, expires_ms)
    }

    fn close(&mut self, id: u64) {
        self.lent.remove(&id);
        self.changes.closed.push(id);
    }
}

impl Lent {
    fn can_be_returned(&self, now_ms: u64) -> bool {
        now_ms <= self.expires_ms.saturating_add(RETURN_MS)
    }
}

fn window_ms(spec: &LimitSpec) -> u64 {
    spec.window.map_or(1, Window::seconds).saturating_mul(1000)
}
