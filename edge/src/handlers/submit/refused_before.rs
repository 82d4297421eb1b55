//! Whoever was refused a moment ago still is, and no object need be asked.

use std::rc::Rc;

use forebay_limits::policy::{LimitStatus, Violation};
use worker::web_sys::Request;

use super::{Known, decoded::submission, routed::whole};
use crate::{
    handlers::caller::shard,
    http::{Answer, Stop, header_bound},
    isolate::{self, entropy, results::Cached},
};
use forebay_account::{Job, Reuse};
use forebay_admission::route::{digest, route};

/// Larger bodies of callers who are refused are not read.
const MOST_READ_BYTES: u64 = 64 * 1024;

/// A refusal that still holds.
pub struct RefusedBefore {
    violations: Vec<Violation>,
    limits: Vec<LimitStatus>,
}

impl RefusedBefore {
    /// The one of this caller, if there is one and it would be the answer now.
    pub fn of(known: Known<'_>) -> Option<Self> {
        if known.dry_run || !known.wishes.may_be_refused_unheard() {
            return None;
        }
        let denial = isolate::with(|isolate| isolate.denials.get(known.caller, known.cx.now_ms));
        denial.map(|(violations, limits)| Self { violations, limits })
    }

    /// The refusal; or a result that counts against no limit, which is beyond none.
    pub async fn answer(self, known: Known<'_>, request: Request) -> Result<Answer, Stop> {
        let given_away = if known.free_hits() { remembered(known, request).await } else { None };
        given_away.map_or_else(|| Err(known.denied(&self.violations, &self.limits).into()), |cached| known.hit(&cached))
    }
}

/// What this isolate remembers of the very question: no object is asked, and nothing is looked into that could be large
/// or wrong.
async fn remembered(known: Known<'_>, request: Request) -> Option<Rc<Cached>> {
    let Known { cx, caller, .. } = known;
    let length: u64 = cx.incoming.content_length.as_deref()?.trim().parse().ok()?;
    if length > MOST_READ_BYTES {
        return None;
    }
    header_bound::check(&request).ok()?;
    let submission = submission(known, request).await.ok()?;
    let routed = route(known.unrouted(&submission), whole, entropy::below).ok()?;
    let timed = submission.deadline.is_some() || submission.not_before.is_some();
    if timed || known.wishes.reuse(routed.drawn) != Reuse::Any {
        return None;
    }
    let digest = digest(routed.model, &caller.account, &routed.parameters, &submission.input);
    let lifetime = known.lifetime();
    let answers = |job: &Job| {
        job.id.shard() == shard(caller)
            && lifetime.outlasts(job.result_stored_ms(), cx.now_ms)
            && job.is_shown(lifetime, cx.now_ms)
    };
    isolate::with(|isolate| isolate.results.get(&digest, cx.now_ms)).filter(|cached| answers(&cached.job))
}
