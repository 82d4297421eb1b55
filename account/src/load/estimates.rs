use std::collections::{BTreeMap, BTreeSet};

use forebay_admission::lane::position::QueueNumber;
use forebay_contract::{JobId, ordered};
use serde::{Deserialize, Serialize};

use crate::job::promise::Promise;

/// What is kept of an open job with its row, so that an object that slept knows where its jobs stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptEstimate {
    /// What it drew in its lane.
    #[serde(rename = "place", skip_serializing_if = "Option::is_none")]
    pub number: Option<QueueNumber>,
    /// How long it was expected to take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise: Option<Promise>,
}

/// Where open jobs stand and how long they were expected to take.
#[derive(Debug, Default)]
pub(super) struct Estimates {
    /// What queued jobs drew.
    numbers: BTreeMap<JobId, QueueNumber>,
    /// What open jobs were promised.
    promises: BTreeMap<JobId, Promise>,
    /// Jobs of which the table does not have this yet.
    unkept: BTreeSet<JobId>,
}

impl Estimates {
    /// Those that were kept.
    pub(super) fn new(kept: Vec<(JobId, KeptEstimate)>) -> Self {
        let mut estimates = Self::default();
        for (id, KeptEstimate { number, promise }) in kept {
            estimates.numbers.extend(number.map(|number| (id, number)));
            estimates.promises.extend(promise.map(|promise| (id, promise)));
        }
        estimates
    }

    /// A job drew a number.
    pub(super) fn drew(&mut self, id: JobId, number: QueueNumber) {
        self.numbers.insert(id, number);
        self.unkept.insert(id);
    }

    /// A job was promised something.
    pub(super) fn promised(&mut self, id: JobId, promise: Promise) {
        self.promises.insert(id, promise);
        self.unkept.insert(id);
    }

    /// A job has ended: what it was promised.
    pub(super) fn ended(&mut self, id: &JobId) -> Option<Promise> {
        self.numbers.remove(id);
        self.unkept.remove(id);
        self.promises.remove(id)
    }

    /// What a job drew.
    pub(super) fn number(&self, id: &JobId) -> Option<QueueNumber> {
        self.numbers.get(id).copied()
    }

    /// What a job was promised.
    pub(super) fn promise(&self, id: &JobId) -> Option<Promise> {
        self.promises.get(id).copied()
    }

    /// Whether something is not in the table yet.
    pub(super) fn has_unkept(&self) -> bool {
        !self.unkept.is_empty()
    }

    /// What is to be written to the table; from then on it counts as written.
    pub(super) fn take_unkept(&mut self) -> BTreeMap<JobId, KeptEstimate> {
        let kept = |id: &JobId| KeptEstimate { number: self.number(id), promise: self.promise(id) };
        let unkept = ordered::map(self.unkept.iter().map(|id| (*id, kept(id))));
        self.unkept.clear();
        unkept
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.promises.is_empty() && self.numbers.is_empty()
    }
}
