//! `POST /v1/jobs/{id}/retry`: the same input once more, as a new job that counts like any other.

use forebay_contract::{JobId, JobState, ProblemCode};

use super::{
    Known,
    decoded::{Form, Times},
    protected::{check, promise},
    wishes::Wishes,
};
use crate::{
    cx::Cx,
    handlers::{
        caller::{caller, plan_of, shard},
        own_job::{erased, found, own_job_id},
    },
    http::{Answer, Stop, Target},
    isolate::{catalog, entropy},
    objects::{self, lanes},
};
use forebay_account::{Job, Offer, RetryAnswer, SubmitCall, Timing, asked};
use forebay_admission::{
    Refusal,
    idempotency::{self, Idempotency},
    lane::remembered::Passage,
    query, rate_fields,
    route::{self, no_version},
};

/// Runs what failed, was canceled or expired. Nothing is joined and nothing stands in for it: the worker finds a result
/// that there is meanwhile.
pub async fn post(cx: &Cx, target: &Target, id: &str) -> Result<Answer, Stop> {
    let caller = caller(cx).await?;
    query::none(&target.query)?;
    let wishes = Wishes::of(&cx.incoming)?;
    let id = own_job_id(&caller, id)?;
    let catalog = catalog::current(cx).await?;
    let plan = plan_of(&catalog, &caller)?;
    let job = objects::call(cx, shard(&caller), asked::Job(id, 0)).await?;
    let job = found(cx, &id, job)?;
    if job.erased_ms.is_some() {
        return Err(erased().into());
    }
    if !matches!(job.state, JobState::Failed | JobState::Canceled | JobState::Expired) {
        return Err(refused(&job).into());
    }
    let model = catalog.model(&job.model, &job.version).ok_or_else(|| no_version(&job.model, &job.version))?;
    // The lane of today: what it waited in may be gone, or no longer the plan's.
    let lane = route::lane(&catalog, plan.class, model.work)?;
    let (status, spec) = (lanes::status(cx, lane).await, catalog.lane(lane));
    if let Passage::Refused { retry_after_ms } =
        lanes::pass(lane, &model.name, &model.version, entropy::unit(), cx.now_ms)
    {
        let refusal = Refusal::new(ProblemCode::ModelUnavailable, "the model fails too often at the moment");
        return Err(refusal.with_header("retry-after", rate_fields::retry_after(retry_after_ms)).into());
    }
    let offer = Offer {
        digest: job.digest,
        model: job.model.clone(),
        version: job.version.clone(),
        parameters: job.parameters.clone(),
        lane,
        cost_ms: job.cost_ms,
        shared: job.shared != 0,
    };
    check(&status, &offer, &spec, Times::default(), cx.now_ms)?;
    let timing = Timing { retry_of: Some(id), promise: Some(promise(&status, &spec, &offer)), ..Timing::default() };
    let idempotency = wishes
        .idempotency_key
        .clone()
        .map(|key| Idempotency { key, fingerprint: idempotency::fingerprint_of_retry(&id) });
    let (form, dry_run) = (Form::Json, false);
    let known = Known { cx, target, form, dry_run, caller: &caller, catalog: &catalog, plan, wishes: &wishes };
    let id_of_new = JobId::new(cx.now_ms, entropy::bytes(), shard(&caller));
    let call = SubmitCall { idempotency, timing, ..known.call(id_of_new, offer, &status, &spec) };
    match objects::call(cx, shard(&caller), asked::Retry(id, Box::new(call))).await? {
        RetryAnswer::Submitted(answer) => known.decided(*answer, None).await,
        RetryAnswer::Refused { job } if job.erased_ms.is_some() => Err(erased().into()),
        RetryAnswer::Refused { job } => Err(refused(&job).into()),
        RetryAnswer::NotKept => {
            let detail = "the job's input is no longer kept: submit it again";
            Err(Refusal::new(ProblemCode::JobNotRetryable, detail).into())
        }
        RetryAnswer::Unknown => Err(Refusal::no_such_job().into()),
    }
}

fn refused(job: &Job) -> Refusal {
    let detail = format!("the job is {}; only failed, canceled and expired ones are run again", job.state.name());
    Refusal::new(ProblemCode::JobNotRetryable, detail)
}
