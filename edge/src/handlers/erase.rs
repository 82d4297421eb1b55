//! `DELETE /v1/jobs/{id}` and `DELETE /v1/account/data`: data goes, and a receipt says what is gone and what is not.

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
use forebay_account::{AccountReceipt, EraseAnswer, asked};
use forebay_admission::{Refusal, query};
use forebay_contract::ProblemCode;

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

/// Begins to erase all that the account has now. Its object goes on by itself; the receipt says how far it is.
pub async fn account(cx: &Cx, target: &Target) -> Result<Answer, Stop> {
    let caller = caller(cx).await?;
    query::none(&target.query)?;
    let receipt = objects::call(cx, shard(&caller), asked::EraseAccount()).await?;
    // Which of all that this isolate remembers is the account's would cost more to find out than to learn anew.
    isolate::with(isolate::Isolate::forget_results);
    said(202, &receipt, target)
}

/// How far that is.
pub async fn of_account(cx: &Cx, target: &Target) -> Result<Answer, Stop> {
    let caller = caller(cx).await?;
    query::none(&target.query)?;
    match objects::call(cx, shard(&caller), asked::AccountErasure()).await? {
        Some(receipt) => said(200, &receipt, target),
        None => {
            let detail = "nothing was asked for: DELETE /v1/account/data erases all that the account has";
            Err(Refusal::new(ProblemCode::ErasureNotFound, detail).into())
        }
    }
}

fn said(status: u16, receipt: &AccountReceipt, target: &Target) -> Result<Answer, Stop> {
    answer::json(status, receipt, vec![("location", format!("{}/v1/account/data", target.origin))])
}
