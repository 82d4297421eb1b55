//! Whether the same question has been answered in this colo before.

use std::rc::Rc;

use forebay_contract::{Digest, catalog::CachedHits};

use super::{Known, decoded::Decoded, protected::Protected, routed::Routed};
use crate::{
    handlers::caller::shard,
    http::Stop,
    isolate::{
        self,
        results::{self, Cached, INLINE_BYTES},
    },
};
use forebay_account::Reuse;
use forebay_admission::{Refusal, lifetime::Lifetime};

/// What this colo knows of the question.
pub struct LookedUp {
    /// The stored result that answers, where one is known here.
    pub cached: Option<Rc<Cached>>,
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
        let cached = look(known, &first.offer.digest, routed.reuse, far).await;
        let may_be_there = known.wishes.idempotency_key.is_some() || routed.reuse != Reuse::Nothing;
        match protected.refused.as_ref().filter(|_| cached.is_none()) {
            Some(refusal) if !may_be_there && !known.dry_run => Err(refusal.clone().into()),
            refused => Ok(Self { refused: refused.cloned(), cached }),
        }
    }

    /// The result, where it may be given away without asking the account's object: there is nothing to write.
    pub fn free_answer(&self, known: Known<'_>) -> Option<&Cached> {
        let cached = self.cached.as_deref()?;
        let nothing_to_write = known.free_hits() && known.wishes.idempotency_key.is_none() && !known.dry_run;
        let own = cached.job.id.shard() == shard(known.caller);
        (nothing_to_write && own && cached.job.is_shown(known.lifetime(), known.cx.now_ms)).then_some(cached)
    }

    /// Whether the account's object is asked about what is there already, and nothing new is to run.
    pub fn nothing_new(&self) -> bool {
        self.refused.is_some()
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
