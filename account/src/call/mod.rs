//! What the Worker says to an Account object and what it answers.

pub mod report;
mod submission;
pub(crate) mod table;
pub(crate) mod webhook;

use forebay_contract::{Digest, JobId, JobState, ReportAnswer, ReportEvent};
use forebay_limits::policy::{LimitStatus, Policy};
use serde::{Deserialize, Serialize};

use self::{table::calls, webhook::WebhookCall};
use crate::{
    erase::{AccountReceipt, Receipt},
    job::Job,
    usage::UsageRow,
};
use forebay_admission::webhook::Action;

pub use submission::{Reuse, SubmitAnswer, SubmitCall};

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
    /// A job's data goes: input, result, failure, and what its row says of them.
    Erase {
        /// The job that is meant.
        id: JobId,
    } => EraseAnswer;
    /// All data of the account goes: what is there now.
    EraseAccount => AccountReceipt;
    /// How far the last such wish is.
    AccountErasure => Option<AccountReceipt>;
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
            | Self::Erase { .. }
            | Self::EraseAccount
            | Self::AccountErasure
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

/// How an erasure went.
#[derive(Debug, Serialize, Deserialize)]
pub enum EraseAnswer {
    /// It is erased, now or before.
    Erased {
        /// What is gone, and what is not.
        receipt: Box<Receipt>,
        /// The name of copies that go as well; `None` where they are not the job's alone, or have expired.
        digest: Option<Digest>,
    },
    /// There is no such job.
    Unknown,
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
