//! What is to be gone of a job whose data its account has erased: what is removed, what stays and why, when the bucket is
//! asked again. Pure.

mod account;
mod receipt;
#[cfg(test)]
mod tests;

use forebay_contract::{Digest, JobId, JobState, storage_key};
use serde::{Deserialize, Serialize};

use crate::{backoff::backoff_ms, job::Job};

pub use self::{
    account::AccountReceipt,
    receipt::{Part, Receipt, Remainder},
};
pub(crate) use self::{
    account::{AccountErasure, AccountKept},
    receipt::Kept,
};

/// How long a message may lie in its queue: `MessageRetentionPeriod` of `infra/forebay.yaml`, which is the most that SQS
/// has (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>).
const QUEUED_MS: u64 = 14 * DAY_MS;
/// How long a copy may lie in the caches of other places: `MAX_AGE_S` of `edge/src/isolate/results/mod.rs`.
pub(crate) const CACHED_MS: u64 = 7 * DAY_MS;
/// How long an isolate goes by its own memory: the bounds of `edge/src/isolate/mod.rs`.
const REMEMBERED_MS: u64 = 60_000;
/// How long the platform can bring an object's tables back, which nobody can turn off:
/// <https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/#pitr-point-in-time-recovery-api>.
const RECOVERABLE_MS: u64 = 30 * DAY_MS;
/// What ended may still be told twice, or stored twice, within so long.
const STRAGGLES_MS: u64 = 15 * 60_000;
const DAY_MS: u64 = 86_400_000;

/// Between two tries of a bucket that did not do it.
const FIRST_RETRY_MS: u64 = 2_000;
const LONGEST_RETRY_MS: u64 = 30 * 60_000;
/// Between two looks after what a worker may still store.
const FIRST_LOOK_MS: u64 = 60_000;
const LONGEST_LOOK_MS: u64 = DAY_MS / 2;

/// What is erased of one job: a row of `erasures`. The job's own row has numbers alone from then on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Erasure {
    /// The job.
    pub job_id: JobId,
    /// When it was erased, in milliseconds since the epoch.
    pub erased_ms: u64,
    /// When it was accepted.
    pub accepted_ms: u64,
    /// Where its result lies, for as long as one may come, or a copy may answer for it; `None` where that is nobody's
    /// alone, and once it is over.
    pub digest: Option<Digest>,
    /// Where its input lies, if beside its message and if anything may still have to be removed.
    pub input_key: Option<String>,
    /// What became of its result.
    pub result: OfResult,
    /// Another job that was to run on the same input.
    pub input_of: Option<JobId>,
    /// Until when a worker may receive its message.
    pub queued_until_ms: Option<u64>,
    /// When the bucket had removed all that was to be removed, the first time.
    pub removed_ms: Option<u64>,
    /// When the bucket is asked next; `None` once nothing can come any more.
    pub next_ms: Option<u64>,
    /// How often it was asked in vain since it last did as it was told.
    pub failures: u32,
    /// How often it was asked.
    pub looks: u32,
}

/// What becomes of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfResult {
    /// It goes, or would if one came.
    Removed,
    /// It belongs to everybody who asks the same.
    Shared,
    /// Another job of the account has the same.
    OfJob(JobId),
}

/// What else hangs on what a job has in the bucket.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Others {
    /// A job that has, or waits for, the same result.
    pub result: Option<JobId>,
    /// A job that is to run on the same input.
    pub input: Option<JobId>,
}

impl Erasure {
    /// Of `job` as it was before, which `may_be_queued` if its message is with its queue, or on its way there.
    pub(crate) fn begin(
        job: &Job,
        input_key: Option<String>,
        others: Others,
        may_be_queued: bool,
        now_ms: u64,
    ) -> Self {
        let result = match others.result {
            _ if job.shared != 0 => OfResult::Shared,
            Some(other) => OfResult::OfJob(other),
            None => OfResult::Removed,
        };
        // A worker deletes the message of what it has stored.
        let is_stored = matches!(job.state, JobState::Succeeded | JobState::Failed);
        Self {
            job_id: job.id,
            erased_ms: now_ms,
            accepted_ms: job.accepted_ms,
            digest: Some(job.digest).filter(|_| result != OfResult::Shared),
            input_key,
            result,
            input_of: others.input,
            queued_until_ms: (may_be_queued && !is_stored)
                .then(|| job.sent_ms.unwrap_or(now_ms).saturating_add(QUEUED_MS)),
            removed_ms: None,
            next_ms: Some(now_ms),
            failures: 0,
            looks: 0,
        }
    }

    /// The keys of what is to be removed, as things stand now.
    pub(crate) fn keys(&self, others: Others) -> Vec<String> {
        let result = self.digest.filter(|_| others.result.is_none()).map(|digest| storage_key::result(&digest));
        let input = self.input_key.clone().filter(|_| others.input.is_none());
        let by_job = [storage_key::failure(&self.job_id), storage_key::attempts(&self.job_id)];
        result.into_iter().chain(input).chain(by_job).collect()
    }

    /// The bucket was told to remove them: whether it did, all of them.
    pub(crate) fn looked(&mut self, did: bool, now_ms: u64, random: u64) {
        if !did {
            self.failures = self.failures.saturating_add(1);
            let wait_ms = backoff_ms(self.failures, FIRST_RETRY_MS, LONGEST_RETRY_MS, random);
            self.next_ms = Some(now_ms.saturating_add(wait_ms));
            return;
        }
        self.failures = 0;
        self.looks = self.looks.saturating_add(1);
        self.removed_ms = self.removed_ms.or(Some(now_ms));
        let end_ms = self.end_ms();
        if now_ms >= end_ms {
            (self.next_ms, self.digest, self.input_key) = (None, None, None);
            return;
        }
        let wait_ms = backoff_ms(self.looks, FIRST_LOOK_MS, LONGEST_LOOK_MS, random);
        let look_ms = Some(now_ms.saturating_add(wait_ms)).filter(|look_ms| *look_ms <= self.late_until_ms());
        self.next_ms = Some(look_ms.unwrap_or(end_ms));
    }

    /// A worker says that it has stored something: whether the bucket is to be asked again, at once.
    pub(crate) fn heard(&mut self, now_ms: u64) -> bool {
        let open = self.next_ms.is_some();
        if open {
            self.next_ms = Some(now_ms);
        }
        open
    }

    /// Until when a worker may store something.
    fn late_until_ms(&self) -> u64 {
        self.queued_until_ms.unwrap_or(0).max(self.erased_ms.saturating_add(STRAGGLES_MS))
    }

    /// When nothing can come any more, from a worker or out of a cache.
    fn end_ms(&self) -> u64 {
        self.late_until_ms().max(self.erased_ms.saturating_add(CACHED_MS))
    }
}

impl Job {
    /// Takes away all that says what it was about. Numbers stay: state, times, model, cost, what it took.
    pub(crate) fn erase(&mut self, now_ms: u64) {
        self.erased_ms = Some(now_ms);
        self.digest = Digest::NONE;
        "{}".clone_into(&mut self.parameters);
        (self.media_type, self.bytes, self.failure_detail) = (None, None, None);
        (self.interests, self.input_key, self.message_seq, self.check_ms) = (None, None, None, None);
    }
}
