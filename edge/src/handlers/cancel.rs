//! `POST /v1/jobs/{id}/cancel`: calls a job off.

use forebay_contract::{JobState, ProblemCode};

use super::{
    caller::{caller, shard},
    outlook::timing,
    own_job::{found, own_job_id},
};
use crate::{
    cx::Cx,
    http::{Answer, Stop, Target, answer},
    objects,
};
use forebay_account::{CancelAnswer, JobBody, asked};
use forebay_admission::{Refusal, idempotency, query};

/// Cancels what has not ended and nobody else wants. A worker that runs it already hears of that with its next report.
pub async fn post(cx: &Cx, target: &Target, id: &str) -> Result<Answer, Stop> {
    let caller = caller(cx).await?;
    let id = own_job_id(&caller, id)?;
    query::none(&target.query)?;
    let key = idempotency::key(cx.incoming.idempotency_key.as_deref())?;
    let by = caller.key.clone().unwrap_or_default();
    match objects::call(cx, shard(&caller), asked::Cancel(id, by, key)).await? {
        CancelAnswer::Canceled { job } => answer::json(202, &JobBody::new(&job, &target.origin)?, vec![timing(&job)]),
        // It is canceled, or runs for others alone: this is the same wish again, whose first answer may have been lost.
        CancelAnswer::Ended { job } if job.state == JobState::Canceled || !job.state.is_final() => {
            answer::json(200, &JobBody::new(&job, &target.origin)?, vec![timing(&job)])
        }
        CancelAnswer::Ended { job } => {
            let detail = format!("the job is {} already", job.state.name());
            Err(Refusal::new(ProblemCode::JobNotCancelable, detail).into())
        }
        CancelAnswer::Unknown => Err(found(cx, &id, None).err().unwrap_or_else(Refusal::no_such_job).into()),
    }
}
