//! `GET /v1/jobs`: the caller's jobs, newest first.

use std::collections::BTreeMap;

use forebay_contract::ordered;
use serde::Serialize;

use super::{Target, caller, outlook::Outlook, shard};
use crate::{
    answer::{self, Answer},
    cx::{Cx, Stop},
    objects,
};
use forebay_account::{JobBody, Listed, Listing, asked};
use forebay_admission::listing;

/// A page of a list.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "JobPage"))]
pub struct Page<'a> {
    jobs: Vec<JobBody<'a>>,
    /// Where the next page begins; null on the last.
    cursor: Option<String>,
}

/// Lists what the query asks for.
pub async fn get(cx: &Cx, target: &Target) -> Result<Answer, Stop> {
    let caller = caller(cx).await?;
    let listing::Asked { state, model, cursor, limit } = listing::read(&target.query)?;
    let listing = Listing { state, model, before: cursor, limit };
    let Listed { jobs, next } = objects::call(cx, shard(&caller), asked::List(listing)).await?;
    let cursor = next.map(|id| id.to_string());
    let mut outlooks = BTreeMap::new();
    let lanes = ordered::set(jobs.iter().filter(|job| !job.state.is_final()).map(|job| job.lane));
    for lane in lanes {
        outlooks.insert(lane, Outlook::of(cx, lane).await?);
    }
    let body = |job| {
        let mut body = JobBody::new(job, &target.origin)?;
        body.stands(outlooks.get(&job.lane).and_then(|outlook| outlook.queue(job)));
        Ok(body)
    };
    let jobs = jobs.iter().map(body).collect::<Result<_, Stop>>()?;
    answer::json(200, &Page { jobs, cursor }, Vec::new())
}
