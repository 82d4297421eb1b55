//! `GET /v1/jobs/{id}`: where a job stands, at once or when it ends.

use super::{Target, caller, found, outlook::Outlook, own_job_id, shard};
use crate::{
    answer::{self, Answer},
    cx::{Cx, Stop},
    objects,
};
use forebay_account::asked;
use forebay_admission::patience::Patience;

/// Answers with the job; `?wait=N` and `Prefer: wait=N` wait inside its object, where the report arrives.
pub async fn get(cx: &Cx, target: &Target, id: &str) -> Result<Answer, Stop> {
    let caller = caller(cx).await?;
    let patience = Patience::of(&target.query, cx.incoming.prefer.as_deref())?;
    let id = own_job_id(&caller, id)?;
    let job = objects::call(cx, shard(&caller), asked::Job(id, patience.ms)).await?;
    let job = found(cx, &id, job)?;
    let (body, mut fields) = Outlook::of(cx, job.lane).await?.describe(&job, &target.origin)?;
    fields.extend(patience.applied());
    answer::json(200, &body, fields)
}
