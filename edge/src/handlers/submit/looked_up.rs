//! Whether the same question has been answered in this colo before, and what may run where it has not.

use std::rc::Rc;

use forebay_contract::{Digest, catalog::CachedHits};

use super::{
    Known,
    decoded::Decoded,
    protected::Protected,
    routed::{Candidates, Routed},
};
use crate::{
    handlers::caller::shard,
    http::Stop,
    isolate::{
        self,
        results::{self, Cached, INLINE_BYTES},
    },
    objects::lanes,
};
use forebay_account::{Reuse, SubmitAnswer};
use forebay_admission::{Refusal, lane::remembered::Passage, lifetime::Lifetime};

/// What this colo knows of the question.
pub struct LookedUp {
    /// The stored result that answers, where one is known here.
    pub cached: Option<Rc<Cached>>,
    /// Whether its account's object is asked in any case: what was erased may lie in this colo's cache still, and is an
    /// account's own; this isolate's memory is a minute old at most.
    is_to_be_confirmed: bool,
    /// Why nothing new may run; a result that is there takes no room. What was taken already is no more work: sent
    /// again under its key it is answered again, and asked again it is joined.
    pub refused: Option<Refusal>,
}

impl Known<'_> {
    /// For how long the caller's plan promises a result.
    pub(super) fn lifetime(self) -> Lifetime {
        self.cx.config.account.lifetime(self.plan.keep_ms())
    }

    /// Whether a stored result counts against no limit.
    pub(super) fn free_hits(self) -> bool {
        self.plan.cached == CachedHits::Free
    }
}

impl LookedUp {
    /// Looks, and refuses what nothing that is there can answer.
    pub async fn of(
        known: Known<'_>,
        decoded: &Decoded,
        routed: &Routed<'_>,
        protected: &Protected,
    ) -> Result<Self, Stop> {
        let (cx, first) = (known.cx, &routed.candidates.first);
        let large = decoded.submission.input.bytes.len() > cx.config.inline_limit_bytes;
        // Where others may have asked, and where a miss costs more than a look.
        let far = first.routed.model.shareable || large || known.dry_run || protected.refused.is_some();
        let near = isolate::with(|isolate| isolate.results.get(&first.offer.digest, cx.now_ms)).is_some();
        let is_to_be_confirmed = !near && !first.routed.model.shareable;
        let cached = look(known, &first.offer.digest, routed.reuse, far).await;
        let may_be_there = known.wishes.idempotency_key.is_some() || routed.reuse != Reuse::Nothing;
        match protected.refused.as_ref().filter(|_| cached.is_none()) {
            Some(refusal) if !may_be_there && !known.dry_run => Err(refusal.clone().into()),
            refused => Ok(Self { refused: refused.cloned(), cached, is_to_be_confirmed }),
        }
    }

    /// The result, where it may be given away without asking the account's object: there is nothing to write.
    pub fn free_answer(&self, known: Known<'_>) -> Option<&Cached> {
        let cached = self.cached.as_deref()?;
        let nothing_to_write = known.free_hits() && known.wishes.idempotency_key.is_none() && !known.dry_run;
        let may_be_given = nothing_to_write && !self.is_to_be_confirmed;
        let own = cached.job.id.shard() == shard(known.caller);
        (may_be_given && own && cached.job.is_shown(known.lifetime(), known.cx.now_ms)).then_some(cached)
    }

    /// Whether the account's object is asked about what is there already, and nothing new is to run.
    pub fn nothing_new(&self) -> bool {
        self.refused.is_some()
    }
}

/// A submission of which it is decided what may run for it.
pub struct Degraded<'a> {
    /// What may run.
    pub candidates: Candidates<'a>,
    /// What earlier jobs may do for it.
    pub reuse: Reuse,
    /// How the lighter model is let in, where it is.
    passage: Option<Passage>,
}

impl<'a> Degraded<'a> {
    /// The lighter model stays where something new may run, and where it is let in.
    pub fn of(known: Known<'a>, routed: Routed<'a>, protected: &Protected, looked_up: &LookedUp) -> Self {
        let Routed { mut candidates, statuses, reuse, .. } = routed;
        let free = looked_up.cached.is_some() && known.free_hits();
        let lighter = candidates.lighter.as_ref().filter(|_| !looked_up.nothing_new() && !free);
        let passage = lighter.and_then(|lighter| protected.lets_in(known, &statuses, lighter));
        candidates.lighter = candidates.lighter.filter(|_| passage.is_some());
        Self { candidates, reuse, passage }
    }

    /// Gives a probe back that the lighter model was let in with and did not use.
    pub fn hand_back(&self, answer: &SubmitAnswer) {
        if let (Some(Passage::Probe), Some(lighter)) = (self.passage, &self.candidates.lighter)
            && !runs_lighter(answer)
        {
            lanes::hand_back(lighter.offer.lane, &lighter.offer.model, &lighter.offer.version);
        }
    }
}

/// The stored result that answers, if it is known here: of this isolate, or (`far`) of the whole colo.
async fn look(known: Known<'_>, digest: &Digest, reuse: Reuse, far: bool) -> Option<Rc<Cached>> {
    let now_ms = known.cx.now_ms;
    let cached = match reuse {
        Reuse::Any if far => results::get(digest, INLINE_BYTES).await,
        // What nobody else may see, the account's object knows of: it is asked in any case.
        Reuse::Any => isolate::with(|isolate| isolate.results.get(digest, now_ms)),
        Reuse::Unfinished | Reuse::Nothing => None,
    };
    // What would be gone while the plan still promises it is not there.
    cached.filter(|cached| known.lifetime().outlasts(cached.job.result_stored_ms(), now_ms))
}

/// Whether the lighter model runs for it, rather than that its result was there.
fn runs_lighter(answer: &SubmitAnswer) -> bool {
    matches!(answer, SubmitAnswer::Admitted { job, joined: false, .. }
        if job.degraded == Some(forebay_account::Degraded::LighterModel) && job.cached == 0)
}
