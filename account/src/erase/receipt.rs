//! What an account is told of what it has erased.

use forebay_contract::JobId;
use serde::{Deserialize, Serialize};

use super::{CACHED_MS, Erasure, OfResult, RECOVERABLE_MS, REMEMBERED_MS};
use crate::usage;

/// What was erased of a job, and what remains of it. Asked for again it says the same, and how far the bucket is by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ErasureReceipt"))]
pub struct Receipt {
    /// The job.
    pub job_id: JobId,
    /// When it was erased, in milliseconds since the epoch.
    pub erased_ms: u64,
    /// Whether the bucket has removed all that was to be removed; while it has not, it is asked again and again.
    pub complete: bool,
    /// What is gone.
    pub removed: Vec<Part>,
    /// What is still there, until when and why.
    pub remains: Vec<Remainder>,
}

/// Something that is still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ErasureRemainder"))]
pub struct Remainder {
    /// What.
    pub what: Part,
    /// Until when at most, in milliseconds since the epoch; null where that is for others to say.
    pub until_ms: Option<u64>,
    /// Why, for people.
    pub why: String,
    /// The job that needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
}

/// What there is of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ErasurePart"))]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// What was sent in, in its row, its message and the bucket.
    Input,
    /// What the model made.
    Result,
    /// Why it failed, in words, and what earlier deliveries of it came to.
    Failure,
    /// Its parameters, its content's names, and everything else in its row that is no number of the bill.
    Details,
    /// Copies of its result in caches.
    CachedCopies,
    /// Its message in its queue.
    QueuedMessage,
    /// A SHA-256 of what was asked, by which copies are told that come late.
    Fingerprint,
    /// Its `Idempotency-Key`, without a fingerprint of the request.
    IdempotencyKey,
    /// API keys.
    ApiKeys,
    /// State, times, model, cost: what the bill is made of.
    Numbers,
    /// What the platform keeps to bring the account's tables back.
    Recovery,
}

/// What a receipt needs to know besides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// For how long rows of jobs are kept.
    pub retention_ms: u64,
    /// For how long idempotency keys are.
    pub keys_ms: u64,
}

impl Erasure {
    /// What the account is told.
    pub(crate) fn receipt(&self, kept: Kept) -> Receipt {
        let complete = self.removed_ms.is_some();
        let mut removed = vec![Part::Details];
        let mut remains = Vec::new();
        let mut say = |what, until_ms: Option<u64>, job_id, why: &str| {
            remains.push(Remainder { what, until_ms, why: why.to_owned(), job_id });
        };
        match self.result {
            OfResult::Removed if complete => removed.push(Part::Result),
            OfResult::Removed => say(Part::Result, None, None, BUCKET_AWAY),
            OfResult::OfJob(job) => say(Part::Result, None, Some(job), "this job of yours has the same result"),
            OfResult::Shared => say(Part::Result, None, None, SHARED),
        }
        match self.input_of {
            Some(job) => say(Part::Input, None, Some(job), "this job of yours is to run on the same input"),
            None if complete => removed.push(Part::Input),
            None => say(Part::Input, None, None, BUCKET_AWAY),
        }
        if complete {
            removed.push(Part::Failure);
        } else {
            say(Part::Failure, None, None, BUCKET_AWAY);
        }
        if let Some(until_ms) = self.queued_until_ms {
            say(Part::QueuedMessage, Some(until_ms), None, QUEUED);
        }
        let after = |ms: u64| Some(self.erased_ms.saturating_add(ms));
        if self.result == OfResult::Removed {
            removed.push(Part::CachedCopies);
            say(Part::CachedCopies, after(REMEMBERED_MS), None, REMEMBERED);
            say(Part::CachedCopies, after(CACHED_MS), None, CACHED);
        }
        if self.result != OfResult::Shared {
            say(Part::Fingerprint, Some(self.end_ms()), None, FINGERPRINT);
        }
        say(Part::IdempotencyKey, after(kept.keys_ms), None, IDEMPOTENCY);
        say(Part::Numbers, Some(self.accepted_ms.saturating_add(kept.retention_ms)), None, "its row, without content");
        say(Part::Numbers, after(usage::KEPT_DAYS * super::DAY_MS), None, "sums by day and model, for the bill");
        say(Part::Recovery, after(RECOVERABLE_MS), None, RECOVERY);
        Receipt { job_id: self.job_id, erased_ms: self.erased_ms, complete, removed, remains }
    }
}

pub(super) const BUCKET_AWAY: &str = "the bucket has not removed it yet: it is asked again until it has";
pub(super) const SHARED: &str =
    "results of this model belong to everybody who asks the same: it goes with the bucket's own lifetime";
pub(super) const QUEUED: &str =
    "a worker that receives it drops it, as the job is canceled; what it stores all the same is removed";
pub(super) const REMEMBERED: &str =
    "who fetched the result within the last minute may be shown it once more in the same place";
pub(super) const CACHED: &str = "copies in other places' caches, which answer nobody any more, until they expire";
const FINGERPRINT: &str = "by it a copy or a result that comes late is known, and refused";
pub(super) const IDEMPOTENCY: &str = "so that the same request, sent again, is not run again";
pub(super) const RECOVERY: &str = "the platform can bring tables back as they were; nobody can turn that off";
