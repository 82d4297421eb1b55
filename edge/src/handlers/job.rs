//! `GET /v1/jobs/{id}`: where a job stands, at once or when it ends.

use super::{
    Target, caller, found,
    job_body::{JobBody, look_again},
    own_job_id, shard,
};
use crate::{
    admission::query,
    answer::{self, Answer},
    cx::{Cx, Stop},
    objects::{self, Call},
};

/// Answers with the job; `?wait=N` waits inside its object, where the report arrives.
pub async fn get(cx: &Cx, target: &Target, id: &str) -> Result<Answer, Stop> {
    let caller = caller(cx).await?;
    let wait_ms = query::wait_s(&target.query)? * 1000;
    let id = own_job_id(&caller, id)?;
    let job = objects::call(cx, shard(&caller), &Call::Job { id, wait_ms }).await?;
    let job = found(cx, &id, job)?;
    let fields: Vec<_> = look_again(&job).into_iter().collect();
    answer::json(200, &JobBody::new(&job, &target.origin)?, fields)
}
