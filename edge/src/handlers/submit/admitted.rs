//! The last steps before the Account object, and the one call of it.

use forebay_contract::{Input, InputRef, JobId, JobMessage, ProblemCode, Traceparent, catalog::LaneSpec, storage_key};
use forebay_limits::policy::Policy;

use super::{
    Known,
    looked_up::{Degraded, LookedUp},
    plan_body::Foreseen,
    protected::{Protected, promise},
    routed::{Candidate, Candidates},
};
use crate::{
    aws::s3::NewObject, cx::Cx, handlers::caller::shard, http::Stop, isolate::entropy, objects, runtime::log_line,
};
use forebay_account::{KnownResult, Offer, Reuse, SubmitAnswer, SubmitCall, Timing};
use forebay_admission::{
    Refusal, Submission,
    idempotency::{self, Idempotency},
    lane::{LaneStatus, shed::multiplier},
};

/// A job's name, and its input where a worker will read it.
pub struct Stored {
    id: JobId,
    input: InputRef,
    idempotency: Option<Idempotency>,
}

impl Stored {
    /// Puts a large input into the bucket; what nothing runs on is not kept.
    pub async fn of(
        known: Known<'_>,
        submission: Submission,
        degraded: &Degraded<'_>,
        looked_up: &LookedUp,
    ) -> Result<Self, Stop> {
        let Known { cx, caller, wishes, .. } = known;
        let fingerprint = || idempotency::fingerprint(&submission, wishes.version.as_deref());
        let idempotency =
            wishes.idempotency_key.as_ref().map(|key| Idempotency { key: key.clone(), fingerprint: fingerprint() });
        let id = JobId::new(cx.now_ms, entropy::drawn(), shard(caller));
        let may_run = degraded.candidates.may_run(looked_up.cached.is_some());
        let input = match may_run && !known.dry_run && !looked_up.nothing_new() {
            false => inline(Input::empty()),
            true if submission.input.bytes.len() > cx.config.inline_limit_bytes => {
                put(cx, &id, submission.input).await?
            }
            true => inline(submission.input),
        };
        Ok(Self { id, input, idempotency })
    }
}

impl Stored {
    /// Where the input lies, if beside its message.
    fn key(&self) -> Option<&str> {
        match &self.input {
            InputRef::Stored { key, .. } => Some(key),
            InputRef::Inline { .. } => None,
        }
    }
}

/// An input in the bucket that nobody reads where no job of its own was made: nothing else would know of it.
struct Unused<'a> {
    cx: &'a Cx,
    id: JobId,
    key: Option<String>,
}

impl<'a> Unused<'a> {
    fn of(cx: &'a Cx, stored: &Stored) -> Self {
        Self { cx, id: stored.id, key: stored.key().map(str::to_owned) }
    }

    /// Removes it behind the answer, as far as the bucket does that at once; else it goes with the bucket's own lifetime.
    fn removed_unless_read(self, answer: &SubmitAnswer) {
        let Some(key) = self.key.filter(|_| !matches!(answer, SubmitAnswer::Admitted { job, .. } if job.id == self.id))
        else {
            return;
        };
        let (config, now_ms) = (self.cx.config.clone(), self.cx.now_ms);
        self.cx.context.wait_until(async move {
            if let Err(error) = config.bucket().delete(now_ms, &key).await {
                log_line("input-left", &error.to_string());
            }
        });
    }
}

/// Everything that the Account object is asked with.
pub struct Admission<'a, 'd> {
    /// Who asks.
    pub known: Known<'a>,
    /// How the lane stands, and the times of the job.
    pub protected: &'a Protected,
    /// The result, where it is known here.
    pub looked_up: &'a LookedUp,
    /// What may run.
    pub degraded: &'d Degraded<'d>,
    /// Whether a challenge was solved.
    pub challenged: bool,
}

/// What the Account object decided.
pub struct Admitted<'d> {
    /// Whether there is a job, or why there is none.
    pub answer: SubmitAnswer,
    /// Of a dry run: what it would come to.
    pub foreseen: Option<Foreseen<'d>>,
}

impl Known<'_> {
    /// The call that has a job of its own run, whatever there is already.
    pub(super) fn call(self, id: JobId, offer: Offer, status: &LaneStatus, lane: &LaneSpec) -> SubmitCall {
        let Self { catalog, caller, plan, wishes, .. } = self;
        SubmitCall {
            id,
            policy: Policy::of(catalog, &caller.plan, plan, multiplier(status, lane, plan.guaranteed)),
            offer,
            lighter: None,
            stale: Vec::new(),
            key: caller.key.clone().unwrap_or_default(),
            ip: caller.ip.clone(),
            endpoint: self.form.endpoint().to_owned(),
            reuse: Reuse::Nothing,
            free_hits: false,
            known: None,
            keep_ms: plan.keep_ms(),
            input_key: None,
            retention: plan.retention,
            again: false,
            idempotency: None,
            nothing_new: false,
            challenged: false,
            store: wishes.cache.store && !plan.retention.is_some_and(|retention| retention.is_once()),
            dry_run: self.dry_run,
            wait_ms: wishes.wait_s.unwrap_or(0) * 1000,
            timing: Timing::default(),
        }
    }
}

impl<'d> Admission<'_, 'd> {
    /// Limits, single flight, job row and outbox row in one call.
    pub async fn ask(self, stored: Stored) -> Result<Admitted<'d>, Stop> {
        let Self { known, protected, degraded, .. } = self;
        let messages = self.messages(&stored)?;
        let unused = Unused::of(known.cx, &stored);
        let call = self.call(stored);
        let foreseen = known.dry_run.then(|| {
            let first = &degraded.candidates.first;
            Foreseen::new(&call, first, &protected.status, &protected.lane, known.cx.now_ms)
        });
        let answer = objects::submit(known.cx, shard(known.caller), call, [&messages[0], &messages[1]]).await?;
        degraded.hand_back(&answer);
        unused.removed_unless_read(&answer);
        Ok(Admitted { answer, foreseen })
    }

    fn call(&self, stored: Stored) -> SubmitCall {
        let Self { known, protected: Protected { status, lane, times, .. }, looked_up, degraded, .. } = self;
        let Candidates { first, lighter, stale } = &degraded.candidates;
        SubmitCall {
            lighter: lighter.as_ref().map(|lighter| Box::new(lighter.offer.clone())),
            stale: stale.clone(),
            reuse: degraded.reuse,
            free_hits: known.free_hits(),
            known: looked_up.cached.as_ref().map(|cached| KnownResult::of(&cached.job)),
            input_key: stored.key().map(str::to_owned),
            idempotency: stored.idempotency,
            nothing_new: looked_up.nothing_new(),
            challenged: self.challenged,
            timing: Timing {
                not_before_ms: times.not_before_ms,
                deadline_ms: times.deadline_ms,
                retry_of: None,
                promise: Some(promise(status, lane, &first.offer)),
            },
            ..known.call(stored.id, first.offer.clone(), status, lane)
        }
    }

    /// The messages that a worker gets, of what was asked for and of the lighter model; empty where there is none.
    fn messages(&self, stored: &Stored) -> Result<[String; 2], Stop> {
        let traceparent = self.known.wishes.traceparent.or_else(new_trace).map(|traceparent| traceparent.to_string());
        let message = |candidate: &Candidate<'_>| {
            let model = candidate.routed.model;
            let message = JobMessage {
                job_id: stored.id,
                account: self.known.caller.account.clone(),
                model: model.name.clone(),
                version: model.version.clone(),
                cost_ms: model.predicted_cost_ms(&candidate.routed.parameters),
                parameters: candidate.routed.parameters.clone(),
                input: stored.input.clone(),
                digest: candidate.offer.digest,
                accepted_ms: self.known.cx.now_ms,
                deadline_ms: self.protected.times.deadline_ms,
                traceparent: traceparent.clone(),
            };
            message.to_json().map_err(|error| Stop::broken(error.to_string()))
        };
        let Candidates { first, lighter, .. } = &self.degraded.candidates;
        Ok([message(first)?, lighter.as_ref().map_or(Ok(String::new()), message)?])
    }
}

fn inline(input: Input) -> InputRef {
    InputRef::Inline { media_type: input.media_type, data: input.bytes }
}

/// Puts the input into the bucket; it is the worker's to read before the job can be admitted.
async fn put(cx: &Cx, id: &JobId, input: Input) -> Result<InputRef, Stop> {
    let sha256 = forebay_contract::hex(&input.sha256());
    let key = storage_key::input(&sha256, id);
    let bucket = cx.config.bucket();
    let object = NewObject { key: &key, media_type: input.media_type.name(), bytes: &input.bytes, sha256: &sha256 };
    if let Err(error) = bucket.put(cx.now_ms, object).await {
        log_line("storage-unavailable", &error.to_string());
        let detail = "the input could not be stored; nothing was accepted";
        return Err(Refusal::new(ProblemCode::StorageUnavailable, detail).with_header("retry-after", "5").into());
    }
    Ok(InputRef::Stored { media_type: input.media_type, key, bytes: input.bytes.len() as u64, sha256 })
}

/// For a job whose client follows none: it is followed all the same.
fn new_trace() -> Option<Traceparent> {
    Traceparent::new(u128::from_le_bytes(entropy::bytes()), u64::from_le_bytes(entropy::bytes()))
}
