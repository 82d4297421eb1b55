//! `DELETE /v1/jobs/{id}`: a job's data goes, and a receipt says what is gone and what is not.

use super::{
    caller::{caller, shard},
    own_job::{found, own_job_id},
};
use crate::{
    cx::Cx,
    http::{Answer, Stop, Target, answer},
    isolate::{self, results},
    objects,
};
use forebay_account::{EraseAnswer, asked};
use forebay_admission::{Refusal, query};

/// Erases a job's data: in its object and in the bucket, and what this place remembers of it. 202 while the bucket has not
/// done it; its object asks again by itself.
pub async fn job(cx: &Cx, target: &Target, id: &str) -> Result<Answer, Stop> {
    let caller = caller(cx).await?;
    let id = own_job_id(&caller, id)?;
    query::none(&target.query)?;
    match objects::call(cx, shard(&caller), asked::Erase(id)).await? {
        EraseAnswer::Erased { receipt, digest } => {
            isolate::with(|isolate| isolate.finished.forget(&id));
            if let Some(digest) = digest {
                results::forget(cx, &digest);
            }
            answer::json(if receipt.complete { 200 } else { 202 }, &receipt, Vec::new())
        }
        EraseAnswer::Unknown => Err(found(cx, &id, None).err().unwrap_or_else(Refusal::no_such_job).into()),
    }
}
