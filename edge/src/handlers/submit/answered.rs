//! What a submission is answered: a job, a refusal, or what it would come to.

use std::rc::Rc;

use forebay_contract::{JobState, ProblemCode, catalog::Beyond};
use forebay_limits::policy::{LimitStatus, Violation};
use serde_json::value::RawValue;

use super::{
    Known,
    admitted::Admitted,
    looked_up::LookedUp,
    plan_body::{Foreseen, LimitWait},
    turnstile,
};
use crate::{
    handlers::{
        caller::shard,
        outlook::{Outlook, timing},
    },
    http::{Answer, Stop, answer},
    isolate::{
        self,
        results::{self, Cached, INLINE_BYTES},
    },
    objects::{hits, lanes},
};
use forebay_account::{Job, JobBody, SubmitAnswer};
use forebay_admission::{Refusal, advice, authenticate::revoked_key, rate_fields};

/// When to come back to an account that is full, in seconds.
const ROOM_RETRY_S: &str = "60";

impl Known<'_> {
    /// The answer to a submission, or what it would come to.
    pub(super) async fn answer(self, admitted: Admitted<'_>, looked_up: LookedUp) -> Result<Answer, Stop> {
        match (admitted.foreseen, admitted.answer, looked_up.refused) {
            (None, SubmitAnswer::NothingKnown, Some(refusal)) => Err(refusal.into()),
            (Some(foreseen), SubmitAnswer::NothingKnown, Some(refusal)) => {
                answer::json(200, &foreseen.refused(&refusal), Vec::new())
            }
            (Some(foreseen), answer, _) => self.foreseen(answer, foreseen),
            (None, answer, _) => self.decided(answer, looked_up.cached).await,
        }
    }

    /// The answer to what became a job, or did not; `cached` is what was found before the object was asked.
    pub(super) async fn decided(self, answer: SubmitAnswer, cached: Option<Rc<Cached>>) -> Result<Answer, Stop> {
        // Only a hit that no object is asked for shows them again.
        if self.free_hits()
            && let SubmitAnswer::Admitted { statuses: heard, .. } | SubmitAnswer::Denied { statuses: heard, .. } =
                &answer
        {
            isolate::with(|isolate| isolate.limits.put(self.caller, heard, self.cx.now_ms));
        }
        match answer {
            SubmitAnswer::Admitted { job, joined, statuses } => {
                // Its object knows of it and did not take it: what it was made of is erased.
                if let Some(copy) = cached.as_ref().filter(|copy| copy.job.digest == job.digest)
                    && !joined
                    && !job.state.is_final()
                {
                    results::forget(self.cx, &copy.job.digest);
                }
                let cached = match cached {
                    None if joined && self.was_there(&job) => results::get(&job.digest, INLINE_BYTES).await,
                    found => found.filter(|cached| cached.job.digest == job.digest),
                };
                if let Some(cached) = cached.as_ref().filter(|_| job.state == JobState::Succeeded) {
                    isolate::with(|isolate| isolate.results.renew(cached, &job, self.cx.now_ms));
                }
                let result = cached.and_then(|cached| cached.inline());
                self.admitted(&job, joined, &statuses, result)
            }
            refused => Err(self.stop(refused)),
        }
    }

    /// Why there is no job.
    fn stop(self, answer: SubmitAnswer) -> Stop {
        match answer {
            SubmitAnswer::Denied { violations, statuses } => {
                isolate::with(|isolate| isolate.denials.put(self.caller, &violations, &statuses, self.cx.now_ms));
                self.denied(&violations, &statuses).into()
            }
            SubmitAnswer::OutboxFull { retry_after_ms } => {
                let detail =
                    "too many accepted jobs wait for a queue that cannot be reached; this one was not accepted";
                let refusal = Refusal::new(ProblemCode::OutboxFull, detail);
                refusal.with_header("retry-after", rate_fields::retry_after(retry_after_ms)).into()
            }
            SubmitAnswer::AccountFull => {
                let detail = "the account keeps as many jobs as it may; there is room again as the oldest go";
                Refusal::new(ProblemCode::AccountFull, detail).with_header("retry-after", ROOM_RETRY_S).into()
            }
            SubmitAnswer::Revoked => revoked_key().into(),
            SubmitAnswer::IdempotencyMismatch => {
                let detail = "this Idempotency-Key was used for another request: use a new key for a new request";
                Refusal::new(ProblemCode::IdempotencyMismatch, detail).into()
            }
            SubmitAnswer::IdempotencyInProgress => {
                let detail = "the first request of this Idempotency-Key is being decided: send this one again";
                let refusal = Refusal::new(ProblemCode::IdempotencyInProgress, detail);
                refusal.with_header("retry-after", "1").into()
            }
            SubmitAnswer::Admitted { .. } | SubmitAnswer::Waits { .. } | SubmitAnswer::NothingKnown => {
                Stop::broken("no refusal was decided")
            }
        }
    }

    /// The answer to a dry run: a refusal is part of it.
    fn foreseen(self, answer: SubmitAnswer, foreseen: Foreseen<'_>) -> Result<Answer, Stop> {
        let body = match answer {
            SubmitAnswer::Admitted { job, joined, statuses } => foreseen.admitted(&job, joined, &statuses),
            SubmitAnswer::Waits { expected_ms, most_ms, statuses } => {
                foreseen.waits(LimitWait { expected_ms, most_ms }).with_limits(&statuses)
            }
            SubmitAnswer::Denied { violations, statuses } => {
                foreseen.with_limits(&statuses).refused(&self.denied(&violations, &statuses))
            }
            refused => match self.stop(refused) {
                Stop::Refused(refusal) => foreseen.refused(&refusal),
                stop => return Err(stop),
            },
        };
        answer::json(200, &body, Vec::new())
    }

    /// The answer from the cache: the job that made the result, and the result itself where it is small and JSON.
    pub(super) fn hit(self, cached: &Cached) -> Result<Answer, Stop> {
        hits::count(self.cx, shard(self.caller), &cached.job);
        let mut body = JobBody::new(&cached.job, &self.target.origin)?;
        (body.cached, body.result) = (true, cached.inline());
        let mut fields = rate_fields::fields(&isolate::with(|isolate| isolate.limits.get(self.caller, self.cx.now_ms)));
        fields.extend([self.age(&cached.job), timing(&cached.job), ("location", body.location())]);
        answer::json(200, &body, fields)
    }

    /// Whether the job's result was there already, rather than one that came while we waited.
    fn was_there(self, job: &Job) -> bool {
        job.state == JobState::Succeeded && job.finished_ms.is_some_and(|finished_ms| finished_ms < self.cx.now_ms)
    }

    /// How old the job's result is (RFC 9111 §5.1).
    fn age(self, job: &Job) -> (&'static str, String) {
        let age_ms = self.cx.now_ms.saturating_sub(job.finished_ms.unwrap_or(self.cx.now_ms));
        ("age", (age_ms / 1000).to_string())
    }

    /// The refusal of a submission beyond its limits.
    pub(super) fn denied(self, violations: &[Violation], statuses: &[LimitStatus]) -> Refusal {
        let challenges = violations.iter().all(|violation| violation.beyond == Beyond::Challenge);
        let challenge = if challenges { turnstile::challenge(self.cx) } else { None };
        let code = if challenge.is_some() { ProblemCode::ChallengeRequired } else { ProblemCode::RateLimited };
        let mut refusal = rate_fields::denied(code, violations, statuses);
        refusal.extensions.admitting_plans = advice::admitting_plans(self.catalog, &self.caller.plan, violations);
        if let Some(challenge) = challenge {
            refusal.detail =
                format!("{}, or once a challenge is solved: send its token in {}", refusal.detail, challenge.header);
            refusal.extensions.challenge = Some(challenge);
        }
        refusal
    }

    fn admitted(
        self,
        job: &Job,
        joined: bool,
        statuses: &[LimitStatus],
        result: Option<Box<RawValue>>,
    ) -> Result<Answer, Stop> {
        if !joined && !job.state.is_final() && job.not_before_ms.is_none() {
            lanes::note_admitted(job.lane, job.cost_ms as f64);
        }
        let status = lanes::remembered(job.lane, self.cx.now_ms);
        let outlook = Outlook::new(status, self.catalog.lane(job.lane), self.cx.now_ms).counting();
        let (mut body, described) = outlook.describe(job, &self.target.origin)?;
        body.cached |= joined && self.was_there(job);
        let mut fields = rate_fields::fields(statuses);
        fields.push(("location", body.location()));
        fields.extend(described);
        if let Some(wait_s) = self.wishes.wait_s {
            fields.push(("preference-applied", format!("wait={wait_s}")));
        }
        if body.cached {
            body.result = result;
            fields.push(self.age(job));
        }
        let status = if job.state.is_final() { 200 } else { 202 };
        answer::json(status, &body, fields)
    }
}
