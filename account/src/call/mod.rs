//! What the Worker says to an Account object and what it answers.

pub(crate) mod table;
pub(crate) mod webhook;

use forebay_contract::{JobId, JobState, ReportAnswer, ReportEvent, catalog::Beyond};
use forebay_limits::policy::{LimitStatus, Policy, Subject, Violation};
use serde::{Deserialize, Serialize};

use self::{table::calls, webhook::WebhookCall};
use crate::{
    job::{Job, known_result::KnownResult, offer::Offer, timing::Timing},
    usage::UsageRow,
};
use forebay_admission::{idempotency::Idempotency, webhook::Action};

calls! {
    /// A call: the first line of the request's body, as JSON. A submission's message is the next line, untouched, and
    /// that of its lighter offer the one after.
    Call:
    /// Admit a job.
    Submit(Box<SubmitCall>) => SubmitAnswer;
    /// The job, waiting up to `wait_ms` for its end.
    Job {
        /// The job that is meant.
        id: JobId,
        /// How long to wait.
        wait_ms: u64,
    } => Option<Job>;
    /// A caller does not want a job any more.
    Cancel {
        /// The job that is meant.
        id: JobId,
        /// The API key's id; empty for callers without one.
        #[serde(default)]
        caller: String,
        /// The idempotency key whose submission is meant, where it is one alone.
        #[serde(default)]
        key: Option<String>,
    } => CancelAnswer;
    /// The bucket says that the job's result is not there any more.
    Expire {
        /// The job that is meant.
        id: JobId,
    } => Option<Job>;
    /// How the caller stands with its limits.
    LimitStatuses = "Standings" (Box<LimitStatusesCall>) => Vec<LimitStatus>;
    /// An API key is revoked: nothing is accepted for it any more.
    RevokeKey {
        /// The key's id.
        key: String,
    } => ();
    /// What a worker reported of this object's jobs.
    Report {
        /// The worker's name.
        worker: String,
        /// Oldest first.
        events: Vec<ReportEvent>,
    } => ReportAnswer;
    /// Jobs, newest first.
    List(Listing) => Listed;
    /// Run a job's input again: its message is the object's own.
    Retry {
        /// The job that ended without a result.
        id: JobId,
        /// The new one.
        submit: Box<SubmitCall>,
    } => RetryAnswer;
    /// Something about webhooks. The answer is the text of a `WebhookAnswer`, as it is.
    Webhooks(WebhookCall) => String;
    /// Submissions that the Worker answered by itself.
    Hits(Vec<UsageRow>) => ();
    /// What was used on these days, both included.
    Usage {
        /// The first day, `YYYY-MM-DD`.
        from: String,
        /// The last day, `YYYY-MM-DD`.
        to: String,
    } => Vec<UsageRow>;
}

impl Call {
    /// Whether asking twice is asking once.
    pub fn is_idempotent(&self) -> bool {
        match self {
            Self::Hits(_) => false,
            Self::Webhooks(call) => matches!(call.action, Action::List | Action::Get | Action::Deliveries),
            Self::Submit(_)
            | Self::Job { .. }
            | Self::Cancel { .. }
            | Self::Expire { .. }
            | Self::LimitStatuses(_)
            | Self::RevokeKey { .. }
            | Self::Report { .. }
            | Self::List(_)
            | Self::Retry { .. }
            | Self::Usage { .. } => true,
        }
    }

    /// How long the object may wait before it answers, in milliseconds.
    pub fn wait_ms(&self) -> u64 {
        match self {
            Self::Job { wait_ms, .. } => *wait_ms,
            Self::Submit(call) | Self::Retry { submit: call, .. } => {
                call.wait_ms.saturating_add(call.patience_ms().unwrap_or(0))
            }
            _ => 0,
        }
    }

    /// The same a second time: nobody waits twice, and what was done is answered again.
    pub fn repeat(&mut self) {
        match self {
            Self::Job { wait_ms, .. } => *wait_ms = 0,
            Self::Submit(call) | Self::Retry { submit: call, .. } => {
                call.again = true;
                call.wait_ms = 0;
            }
            _ => {}
        }
    }
}

/// Which jobs are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// In this state.
    pub state: Option<JobState>,
    /// Of this model.
    pub model: Option<String>,
    /// Older than this one.
    pub before: Option<JobId>,
    /// The most.
    pub limit: u32,
}

/// A page of jobs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listed {
    /// Newest first.
    pub jobs: Vec<Job>,
    /// What the next page comes after; `None` when there is none.
    pub next: Option<JobId>,
}

/// How a retry ended.
#[derive(Debug, Serialize, Deserialize)]
pub enum RetryAnswer {
    /// It was submitted.
    Submitted(Box<SubmitAnswer>),
    /// The job has a result, or may still have one.
    Refused {
        /// The job.
        job: Box<Job>,
    },
    /// Its input is gone.
    NotKept,
    /// There is no such job.
    Unknown,
}

/// A job to admit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmitCall {
    /// The id it gets when it is new.
    pub id: JobId,
    /// What is to run.
    pub offer: Offer,
    /// What runs instead where a limit says `degrade`.
    pub lighter: Option<Box<Offer>>,
    /// Whose stored results may answer instead where a limit says `degrade`, best first.
    pub stale: Vec<Offer>,
    /// The limits.
    pub policy: Policy,
    /// The API key's id; empty for callers without one.
    pub key: String,
    /// The caller's address prefix.
    pub ip: String,
    /// The path's pattern.
    pub endpoint: String,
    /// What earlier jobs of the same digest may do for it.
    pub reuse: Reuse,
    /// Whether an answer that is there already counts against no limit.
    pub free_hits: bool,
    /// Set when the result is known to be stored, for long enough: then nothing is queued.
    pub known: Option<KnownResult>,
    /// For how long the plan shows a result, in milliseconds; as long as jobs are kept, unless said.
    #[serde(default)]
    pub keep_ms: Option<u64>,
    /// Whether it was sent before, and nobody knows what became of it: if there is a job of this id, that is the answer.
    #[serde(default)]
    pub again: bool,
    /// Sending it again is not asking again.
    pub idempotency: Option<Idempotency>,
    /// Set when nothing new is taken at the moment: then what was decided under the idempotency key may be answered again,
    /// and an identical job joined, and nothing else.
    pub nothing_new: bool,
    /// Whether the caller has solved a challenge.
    pub challenged: bool,
    /// Whether caches may keep the result.
    pub store: bool,
    /// Decide only: write nothing, spend nothing.
    pub dry_run: bool,
    /// How long to wait for the job's end before answering, in milliseconds.
    pub wait_ms: u64,
    /// When it may start and when it is too late.
    #[serde(default)]
    pub timing: Timing,
}

/// A question of how a caller stands with its limits.
#[derive(Debug, Serialize, Deserialize)]
pub struct LimitStatusesCall {
    /// The limits.
    pub policy: Policy,
    /// The API key's id; empty for callers without one.
    pub key: String,
    /// The caller's address prefix.
    pub ip: String,
    /// The path's pattern.
    pub endpoint: String,
}

/// What an earlier job of the same digest may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reuse {
    /// Answer, finished or not.
    Any,
    /// Answer while it is under way: a client that wants no cached answer still needs it run once only.
    Unfinished,
    /// Nothing: a parameter was drawn for this job alone.
    Nothing,
}

impl SubmitCall {
    /// What limits count it by, when `offer` runs.
    pub fn subject<'a>(&'a self, offer: &'a Offer) -> Subject<'a> {
        Subject {
            key: &self.key,
            ip: &self.ip,
            endpoint: &self.endpoint,
            model: &offer.model,
            lane: offer.lane,
            cost_ms: offer.cost_ms,
        }
    }

    /// How long the limits let it wait for its turn; `None` when none of them does.
    pub fn patience_ms(&self) -> Option<u64> {
        let limits = self.policy.limits.iter();
        let waits =
            limits.filter_map(|limit| if let Beyond::Wait(most_ms) = limit.beyond { Some(most_ms) } else { None });
        waits.min()
    }
}

/// How a submission ended.
#[derive(Debug, Serialize, Deserialize)]
pub enum SubmitAnswer {
    /// It is a job now, or an earlier one answers for it. After a dry run: it would be.
    Admitted {
        /// The job.
        job: Box<Job>,
        /// Whether `job` was there before.
        joined: bool,
        /// How the caller stands with its limits.
        #[serde(rename = "standings")]
        statuses: Vec<LimitStatus>,
    },
    /// Only after a dry run: it would wait for its turn.
    Waits {
        /// How long, as far as can be foreseen, in milliseconds.
        expected_ms: u64,
        /// How long at most; then it would be refused.
        most_ms: u64,
        /// How the caller stands with its limits.
        #[serde(rename = "standings")]
        statuses: Vec<LimitStatus>,
    },
    /// Limits do not let it pass.
    Denied {
        /// The limits that do not.
        violations: Vec<Violation>,
        /// How the caller stands with its limits.
        #[serde(rename = "standings")]
        statuses: Vec<LimitStatus>,
    },
    /// Too many jobs wait for an unreachable queue.
    OutboxFull {
        /// When the queue is tried next, from now.
        retry_after_ms: u64,
    },
    /// The object stores so much that it takes nothing new.
    AccountFull,
    /// The key is revoked.
    Revoked,
    /// Nothing is there that could answer, and nothing new is taken.
    #[serde(rename = "NothingToTell")]
    NothingKnown,
    /// The idempotency key was used for another request.
    IdempotencyMismatch,
    /// Another request of the same idempotency key is being decided.
    IdempotencyInProgress,
}

/// How a cancellation ended.
#[derive(Debug, Serialize, Deserialize)]
pub enum CancelAnswer {
    /// The caller does not want it any more. The job is canceled, unless others want it.
    Canceled {
        /// The job.
        job: Box<Job>,
    },
    /// It had ended before, or this caller had canceled it before while others want it still.
    Ended {
        /// The job.
        job: Box<Job>,
    },
    /// There is no such job.
    Unknown,
}
