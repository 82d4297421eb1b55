//! What was decided in favour of a submission: the job it joins, or a new one, and what that costs.

use forebay_contract::catalog::Beyond;
use forebay_limits::policy::{LimitStatus, Taken, Violation};

use super::{
    Stop, Submission,
    decided::{Decided, turn},
};
use crate::{
    admit::{Admission, Refused, Wait, new_job},
    call::SubmitAnswer,
    job::Job,
};

/// When to come back after too many jobs that start later.
const DELAYED_RETRY_MS: u64 = 60_000;

/// What is to be written.
pub(super) struct Granted<'a> {
    pub to: Grantee<'a>,
    pub spent: Spent,
    /// How the caller stands afterwards.
    pub statuses: Vec<LimitStatus>,
}

/// What answers.
pub(super) enum Grantee<'a> {
    /// An earlier job.
    Joined(Box<Job>),
    /// A job of its own.
    New(NewJob<'a>),
}

/// A job to be written.
pub(super) struct NewJob<'a> {
    pub job: Box<Job>,
    /// What its queue gets.
    pub message: &'a str,
    /// Whether it has what few jobs have: see `Timing::mark`.
    pub timed: bool,
}

/// What the limits gave, and for which moment.
pub(super) struct Spent {
    pub taken: Taken,
    pub at_ms: u64,
}

/// What was granted; refusals are answered.
pub(super) fn granted<'a>(submission: &Submission<'a>, decided: Decided<'a>) -> Result<Granted<'a>, Stop> {
    let Submission { core, call, .. } = submission;
    let (offer, at_ms) = (decided.offer, decided.at_ms);
    let refused = match decided.admission {
        Admission::Join { job, taken, statuses } => {
            return Ok(Granted { to: Grantee::Joined(job), spent: Spent { taken, at_ms }, statuses });
        }
        // The twin is gone since.
        Admission::Accept { .. } if call.nothing_new && decided.known.is_none() => SubmitAnswer::NothingKnown,
        Admission::Accept { taken, statuses } => {
            let check_ms = at_ms.saturating_add(core.settings()?.reconcile_after_ms);
            let mut job = Box::new(new_job(call, offer, at_ms, check_ms));
            job.degraded = decided.degraded;
            if let Some(known) = decided.known {
                known.answer(&mut job);
            }
            let timed = call.timing.mark(&mut job, submission.asked_ms);
            if !call.dry_run
                && job.not_before_ms.is_some()
                && core.tables.delayed_jobs()? >= core.settings()?.outbox_max_jobs
            {
                return Err(Stop::Answered(SubmitAnswer::OutboxFull { retry_after_ms: DELAYED_RETRY_MS }));
            }
            let messages = &submission.messages;
            let message = if offer == &call.offer { messages.first } else { messages.lighter };
            let new = NewJob { job, message, timed };
            return Ok(Granted { to: Grantee::New(new), spent: Spent { taken, at_ms }, statuses });
        }
        Admission::Full => SubmitAnswer::OutboxFull { retry_after_ms: core.outbox.retry_ms(offer.lane, core.now_ms()) },
        Admission::NoRoom => SubmitAnswer::AccountFull,
        Admission::Wait { wait, refused } if call.dry_run => foreseen(submission, wait, refused.statuses),
        Admission::Deny(refused) | Admission::Degrade(refused) | Admission::Wait { refused, .. } => {
            let Refused { violations, statuses, normalized } = refused;
            core.limits.remember(normalized);
            SubmitAnswer::Denied { violations, statuses }
        }
        Admission::Ask(asks) => {
            let violations = asks.into_iter().map(|(_, spec, amount)| uncounted(spec.name, amount)).collect();
            SubmitAnswer::Denied { violations, statuses: core.statuses(&call.policy, &call.subject(offer)) }
        }
    };
    Err(Stop::Answered(refused))
}

/// A dry run: whether its turn would come in time.
fn foreseen(submission: &Submission<'_>, wait: Wait, statuses: Vec<LimitStatus>) -> SubmitAnswer {
    let now_ms = submission.core.now_ms();
    match turn(submission, now_ms.saturating_add(wait.most_ms), now_ms) {
        Ok(turn) => {
            let expected_ms = turn.at_ms.saturating_sub(now_ms);
            SubmitAnswer::Waits { expected_ms, most_ms: wait.most_ms, statuses }
        }
        Err(Refused { violations, statuses, .. }) => SubmitAnswer::Denied { violations, statuses },
    }
}

/// The keeper is out of reach. Nobody may pass a limit that nobody counts.
fn uncounted(name: String, amount: u64) -> Violation {
    Violation { name, amount, beyond: Beyond::Reject, retry_after_ms: Some(1000), blocks_all: false }
}
