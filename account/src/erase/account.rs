//! Erasing everything that an account has: job after job, as far as one alarm comes, and the next goes on from there.

use forebay_contract::JobId;
use serde::{Deserialize, Serialize};

use super::{
    CACHED_MS, DAY_MS, Kept, QUEUED_MS, RECOVERABLE_MS, REMEMBERED_MS,
    receipt::{BUCKET_AWAY, CACHED, IDEMPOTENCY, QUEUED, RECOVERY, REMEMBERED, SHARED},
    receipt::{Part, Remainder},
};
use crate::usage;

/// How far the erasure of an account is: the only row of `account_erasure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountErasure {
    /// When it was asked for, in milliseconds since the epoch. What was accepted later is not meant.
    pub started_ms: u64,
    /// The newest job that there was; `None` where there was none.
    pub last: Option<JobId>,
    /// The job that it has come to, in the order of ids.
    pub at: Option<JobId>,
    /// How many jobs it has erased.
    pub jobs: u64,
    /// How many webhooks it has taken away, with their secrets and deliveries.
    pub webhooks: u64,
    /// When the tables were done.
    pub ended_ms: Option<u64>,
}

impl AccountErasure {
    /// Of all that there is now.
    pub(crate) fn begin(last: Option<JobId>, webhooks: u64, now_ms: u64) -> Self {
        let ended_ms = last.is_none().then_some(now_ms);
        Self { started_ms: now_ms, last, at: None, jobs: 0, webhooks, ended_ms }
    }

    /// It has come to `at`, having erased so many more; `None`: there is nothing more.
    pub(crate) fn went(&mut self, at: Option<JobId>, jobs: u64, now_ms: u64) {
        self.jobs = self.jobs.saturating_add(jobs);
        match at {
            Some(at) => self.at = Some(at),
            None => self.ended_ms = self.ended_ms.or(Some(now_ms)),
        }
    }

    /// What the account is told; `in_bucket`: the jobs whose objects the bucket has not removed yet.
    pub(crate) fn receipt(&self, in_bucket: u64, kept: AccountKept) -> AccountReceipt {
        let after = |ms: u64| Some(self.started_ms.saturating_add(ms));
        let complete = self.ended_ms.is_some() && in_bucket == 0;
        let mut remains: Vec<Remainder> = [
            (Part::QueuedMessage, after(QUEUED_MS), QUEUED),
            (Part::CachedCopies, after(REMEMBERED_MS), REMEMBERED),
            (Part::CachedCopies, after(CACHED_MS), CACHED),
            (Part::Result, None, SHARED),
            (Part::Result, after(kept.result_ms), FORGOTTEN),
            (Part::IdempotencyKey, after(kept.of_jobs.keys_ms), IDEMPOTENCY),
            (Part::Numbers, after(kept.of_jobs.retention_ms), "rows of jobs, without content"),
            (Part::Numbers, after(usage::KEPT_DAYS * DAY_MS), "sums by day and model, for the bill"),
            (Part::ApiKeys, None, "they are the operator's to revoke"),
            (Part::Recovery, after(RECOVERABLE_MS), RECOVERY),
        ]
        .map(|(what, until_ms, why)| Remainder { what, until_ms, why: why.to_owned(), job_id: None })
        .into();
        if in_bucket > 0 {
            let why = BUCKET_AWAY.to_owned();
            remains.insert(0, Remainder { what: Part::Result, until_ms: None, why, job_id: None });
        }
        AccountReceipt {
            started_ms: self.started_ms,
            ended_ms: self.ended_ms,
            complete,
            jobs: self.jobs,
            in_bucket,
            webhooks: self.webhooks,
            remains,
        }
    }
}

const FORGOTTEN: &str =
    "results of jobs whose rows went before it was asked for: they go with the bucket's own lifetime";

/// What a receipt needs to know besides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountKept {
    /// For how long rows and keys are kept.
    pub of_jobs: Kept,
    /// For how long the bucket keeps a result.
    pub result_ms: u64,
}

/// What was erased of an account, how far that is, and what remains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AccountErasureReceipt"))]
pub struct AccountReceipt {
    /// When it was asked for, in milliseconds since the epoch. What was submitted later is not touched.
    pub started_ms: u64,
    /// When the account's tables were done; null while they are not.
    pub ended_ms: Option<u64>,
    /// Whether tables and bucket are done.
    pub complete: bool,
    /// How many jobs were erased so far.
    pub jobs: u64,
    /// Of how many of them the bucket has not removed everything yet; it is asked until it has.
    pub in_bucket: u64,
    /// How many webhooks were taken away, with their secrets and deliveries.
    pub webhooks: u64,
    /// What is still there, until when at most and why.
    pub remains: Vec<Remainder>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::example::{START_MS, queued};

    #[test]
    fn it_is_complete_when_tables_and_bucket_are_done() {
        let kept = AccountKept { of_jobs: Kept { retention_ms: 1, keys_ms: 1 }, result_ms: 1 };
        let mut erasure = AccountErasure::begin(Some(queued().id), 2, START_MS);
        for (at, in_bucket, complete) in
            [(Some(queued().id), 9, false), (Some(queued().id), 0, false), (None, 3, false), (None, 0, true)]
        {
            erasure.went(at, 5, START_MS + 7);
            let receipt = erasure.receipt(in_bucket, kept);
            assert_eq!((receipt.complete, receipt.in_bucket, receipt.webhooks), (complete, in_bucket, 2));
        }
        assert_eq!((erasure.jobs, erasure.ended_ms), (20, Some(START_MS + 7)));
        assert!(AccountErasure::begin(None, 0, START_MS).receipt(0, kept).complete, "there was nothing");
    }
}
