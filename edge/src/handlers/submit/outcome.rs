//! What a submission is answered.

use forebay_contract::{
    JobState, ProblemCode,
    catalog::{Beyond, Catalog},
};
use serde_json::value::RawValue;

use super::plan_body::Foreseen;
use crate::{
    admission::{
        Refusal, advice,
        authenticate::revoked_key,
        caller::Caller,
        policy::{Standing, Violation},
        rate_fields,
    },
    answer::{self, Answer},
    cx::{Cx, Stop},
    denied,
    handlers::{
        Target,
        job_body::{JobBody, look_again},
    },
    lanes,
    objects::{Job, SubmitAnswer},
    result_cache::Cached,
    turnstile,
};

/// Results up to here travel inside the answer of a cache hit, in bytes.
const INLINE_RESULT_BYTES: u64 = 65_536;

/// What answers need to know.
pub struct Outcome<'a> {
    pub cx: &'a Cx,
    pub catalog: &'a Catalog,
    pub caller: &'a Caller,
    pub target: &'a Target,
    pub wait_s: Option<u64>,
}

impl Outcome<'_> {
    /// The answer to a submission.
    pub async fn answer(&self, answer: SubmitAnswer, cached: Option<Cached>) -> Result<Answer, Stop> {
        match answer {
            SubmitAnswer::Admitted { job, joined, standings } => {
                let result = match cached {
                    Some(cached) if cached.job.digest == job.digest => inline(cached).await?,
                    _ => None,
                };
                self.admitted(&job, joined, &standings, result)
            }
            refused => Err(self.stop(refused)),
        }
    }

    /// Why there is no job.
    fn stop(&self, answer: SubmitAnswer) -> Stop {
        match answer {
            SubmitAnswer::Denied { violations, standings } => {
                denied::remember(self.caller, &violations, &standings, self.cx.now_ms);
                self.denied(&violations, &standings).into()
            }
            SubmitAnswer::OutboxFull { retry_after_ms } => {
                let detail =
                    "too many accepted jobs wait for a queue that cannot be reached; this one was not accepted";
                let refusal = Refusal::new(ProblemCode::OutboxFull, detail);
                refusal.with_header("retry-after", rate_fields::retry_after(retry_after_ms)).into()
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
            SubmitAnswer::Admitted { .. } | SubmitAnswer::NothingToReplay => Stop::broken("no refusal was decided"),
        }
    }

    /// The answer to a dry run: a refusal is part of it.
    pub fn foreseen(&self, answer: SubmitAnswer, foreseen: Foreseen<'_>) -> Result<Answer, Stop> {
        let body = match answer {
            SubmitAnswer::Admitted { job, joined, standings } => foreseen.admitted(&job, joined, &standings),
            SubmitAnswer::Denied { violations, standings } => {
                foreseen.standing(&standings).refused(&self.denied(&violations, &standings))
            }
            refused => match self.stop(refused) {
                Stop::Refused(refusal) => foreseen.refused(&refusal),
                stop => return Err(stop),
            },
        };
        answer::json(200, &body, Vec::new())
    }

    /// The answer from the cache: the job that made the result, and the result itself where it is small and JSON.
    pub async fn hit(&self, cached: Cached) -> Result<Answer, Stop> {
        let job = cached.job.clone();
        let result = inline(cached).await?;
        let mut body = JobBody::new(&job, &self.target.origin)?;
        (body.cached, body.result) = (true, result);
        let fields = vec![self.age(&job), ("location", body.location())];
        answer::json(200, &body, fields)
    }

    /// How old the job's result is (RFC 9111 §5.1).
    fn age(&self, job: &Job) -> (&'static str, String) {
        let age_ms = self.cx.now_ms.saturating_sub(job.finished_ms.unwrap_or(self.cx.now_ms));
        ("age", (age_ms / 1000).to_string())
    }

    /// The refusal of a submission beyond its limits.
    pub fn denied(&self, violations: &[Violation], standings: &[Standing]) -> Refusal {
        let challenges = violations.iter().all(|violation| violation.beyond == Beyond::Challenge);
        let challenge = if challenges { turnstile::challenge(self.cx) } else { None };
        let code = if challenge.is_some() { ProblemCode::ChallengeRequired } else { ProblemCode::RateLimited };
        let mut refusal = rate_fields::denied(code, violations, standings);
        refusal.extensions.admitting_plans = advice::admitting_plans(self.catalog, &self.caller.plan, violations);
        if let Some(challenge) = challenge {
            refusal.detail =
                format!("{}, or once a challenge is solved: send its token in {}", refusal.detail, challenge.header);
            refusal.extensions.challenge = Some(challenge);
        }
        refusal
    }

    fn admitted(
        &self,
        job: &Job,
        joined: bool,
        standings: &[Standing],
        result: Option<Box<RawValue>>,
    ) -> Result<Answer, Stop> {
        if !joined && !job.state.is_final() {
            lanes::note_admitted(job.lane, job.cost_ms as f64);
        }
        let mut body = JobBody::new(job, &self.target.origin)?;
        // Joined to a result that was there already, rather than to one that came while we waited.
        let before = job.finished_ms.is_some_and(|finished_ms| finished_ms < self.cx.now_ms);
        body.cached |= joined && job.state == JobState::Succeeded && before;
        let mut fields = rate_fields::fields(standings);
        fields.push(("location", body.location()));
        fields.extend(look_again(job));
        if let Some(wait_s) = self.wait_s {
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

/// The stored result as a part of the answer, where it is small and JSON.
async fn inline(cached: Cached) -> Result<Option<Box<RawValue>>, Stop> {
    let Cached { mut response, job } = cached;
    let is_json = job.media_type.as_deref() == Some("application/json");
    if !is_json || job.bytes.is_none_or(|bytes| bytes > INLINE_RESULT_BYTES) {
        return Ok(None);
    }
    let result = RawValue::from_string(response.text().await?).map_err(|error| Stop::broken(error.to_string()))?;
    Ok(Some(result))
}
