//! `POST /v1/jobs` and `POST /v1/models/{model}/jobs`: the way of a job into the queue, stage by stage; and
//! `POST /v1/plan` and `POST /v1/models/{model}/plan`, the same way without taking a step.

mod candidates;
mod outcome;
pub mod plan_body;
mod protect;
pub mod retry;
mod wishes;

use std::rc::Rc;

use forebay_contract::{
    Digest, Input, InputRef, JobId, ProblemCode, Traceparent,
    catalog::{CachedHits, Catalog, ModelSpec, PlanSpec},
    storage_key,
};
use forebay_limits::policy::{Policy, degrades};
use worker::web_sys::Request;

use self::{
    candidates::{Candidate, Candidates},
    outcome::Outcome,
    plan_body::Foreseen,
    protect::{Statuses, Times, promise},
    wishes::Wishes,
};
use super::{Target, caller, shard};
use crate::{
    answer::{self, Answer},
    aws::s3::{Bucket, NewObject},
    body, catalog,
    cx::{Cx, Stop, log_line},
    denied, entropy, header_bound, lanes, objects,
    result_cache::{self, Cached, INLINE_BYTES},
    turnstile,
};
use forebay_account::{Job, KnownResult, Reuse, SubmitAnswer, SubmitCall, Timing};
use forebay_admission::{
    Refusal, Submission,
    body::MAX_BODY_BYTES,
    caller::Caller,
    deadline, decode,
    idempotency::{self, Idempotency},
    lane::{remembered::Passage, shed::multiplier},
    lifetime::Lifetime,
    query, quoted,
    route::{Unrouted, digest, route},
    start::{self, Calendar},
    version::Asker,
};

/// `POST /v1/jobs`: everything in one JSON body.
pub async fn json(cx: &Cx, request: Request, target: &Target) -> Result<Answer, Stop> {
    submit(cx, request, target, Form::Json, Step::Taken).await
}

/// `POST /v1/models/{model}/jobs`: the input is the body, the parameters are the query.
pub async fn bare(cx: &Cx, request: Request, target: &Target, model: &str) -> Result<Answer, Stop> {
    submit(cx, request, target, Form::Bare { model }, Step::Taken).await
}

/// `POST /v1/plan`: what `POST /v1/jobs` would come to; nothing is queued and nothing is spent.
pub async fn plan(cx: &Cx, request: Request, target: &Target) -> Result<Answer, Stop> {
    submit(cx, request, target, Form::Json, Step::Foretold).await
}

/// `POST /v1/models/{model}/plan`: the same of a bare submission.
pub async fn plan_bare(cx: &Cx, request: Request, target: &Target, model: &str) -> Result<Answer, Stop> {
    submit(cx, request, target, Form::Bare { model }, Step::Foretold).await
}

/// Larger bodies of callers who are refused are not read.
const MOST_RECALLED_BYTES: u64 = 64 * 1024;

/// How a submission is written down.
#[derive(Clone, Copy)]
enum Form<'a> {
    Json,
    Bare { model: &'a str },
}

/// What is to become of it.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Taken,
    Foretold,
}

impl Form<'_> {
    /// The path's pattern: what limits of the dimension `endpoint` count. A dry run looks at those of the real one.
    fn endpoint(self) -> &'static str {
        match self {
            Form::Json => "/v1/jobs",
            Form::Bare { .. } => "/v1/models/{model}/jobs",
        }
    }
}

async fn submit(cx: &Cx, request: Request, target: &Target, form: Form<'_>, step: Step) -> Result<Answer, Stop> {
    // authenticate: who asks, under which plan
    let caller = caller(cx).await?;
    let catalog = catalog::current(cx).await?;
    let plan = plan_of(&catalog, &caller)?;
    let wishes = Wishes::of(&cx.incoming)?;
    let outcome = Outcome { cx, catalog: &catalog, caller: &caller, plan, target, wait_s: wishes.wait_s };
    let dry_run = step == Step::Foretold;

    // known: whoever was refused a moment ago still is, and nobody need be asked; but what counts against no limit is
    // beyond none
    if wishes.may_be_refused_unheard()
        && !dry_run
        && let Some((violations, standings)) = denied::known(&caller, cx.now_ms)
    {
        let given_away = match plan.cached {
            CachedHits::Free => recalled(&outcome, request, form, &wishes).await,
            CachedHits::Counted => None,
        };
        return given_away
            .map_or_else(|| Err(outcome.denied(&violations, &standings).into()), |cached| outcome.hit(&cached));
    }

    // decode: one canonical input
    header_bound::check(&request)?;
    let submission = read(cx, request, target, form).await?;
    let deadline_ms = submission.deadline.as_deref().map(|text| deadline::read(text, cx.now_ms)).transpose()?;

    let calendar = Calendar { now_ms: cx.now_ms, deadline_ms, retention_ms: cx.config.account.retention_ms };
    let not_before_ms = submission.not_before.as_deref().map(|text| start::read(text, calendar)).transpose()?;

    // route: model version, lane, parameters; the seed is drawn here, once
    let version = wishes.version.as_deref();
    let asker = Asker { account: &caller.account, plan: &caller.plan, groups: &caller.groups, version };
    let unrouted = Unrouted { catalog: &catalog, class: plan.class, asker, submission: &submission };
    let replaceable = !wishes.strict && degrades(&catalog, plan);
    let statuses = Statuses::of(cx, unrouted, replaceable).await;
    let (routed, broken) = match route(unrouted, |model| statuses.passage(model, dry_run).refused(), entropy::below) {
        // Nothing new runs on it; what is there already is still told.
        Err(refusal) if refusal.code == ProblemCode::ModelUnavailable => {
            (route(unrouted, whole, entropy::below)?, Some(refusal))
        }
        routed => (routed?, None),
    };
    let reuse = wishes.reuse(routed.drawn);
    let mut candidates = Candidates::new(unrouted, routed, replaceable)?;

    // protect: room in the lane, and time until the deadline
    let offer = &candidates.first.offer;
    let status = statuses.of_lane(offer.lane);
    let lane = catalog.lane(offer.lane);
    let times = Times { enters_ms: start::enters_ms(not_before_ms, cx.now_ms), deadline_ms };
    let refused = broken.or(protect::check(&status, offer, &lane, times).err());

    // cache: the same question has been answered in this place before
    let large = submission.input.bytes.len() > cx.config.inline_limit_bytes;
    // Where others may have asked, and where a miss costs more than a look.
    let far = candidates.first.routed.model.shareable || large || dry_run || refused.is_some();
    let lifetime = cx.config.account.lifetime(plan.keep_ms());
    let cached = cached(cx, &offer.digest, reuse, far, lifetime).await;
    let free_hits = plan.cached == CachedHits::Free;
    let nothing_to_write = free_hits && wishes.idempotency_key.is_none() && !dry_run;
    if let Some(cached) = cached.as_deref().filter(|_| nothing_to_write)
        && cached.job.id.shard() == shard(&caller)
        && cached.job.is_shown(lifetime, cx.now_ms)
    {
        return outcome.hit(cached);
    }
    let found = cached.as_ref().map(|cached| &cached.job);
    let known = found.map(KnownResult::of);
    // A result that is there takes no room.
    let refused = refused.filter(|_| known.is_none());
    // What was taken already is no more work: sent again under its key it is told again, and asked again it is joined.
    let nothing_new = refused.is_some();
    let may_be_there = wishes.idempotency_key.is_some() || reuse != Reuse::Nothing;
    if let Some(refusal) = refused.clone().filter(|_| !may_be_there && !dry_run) {
        return Err(refusal.into());
    }

    // degrade: what would run in its place must be let in as well; what counts against no limit is beyond none
    let free = known.is_some() && free_hits;
    let lighter = candidates.lighter.as_ref().filter(|_| !nothing_new && !free);
    let passage = lighter.and_then(|lighter| statuses.lets_in(lighter, &catalog, times, dry_run));
    candidates.lighter = candidates.lighter.filter(|_| passage.is_some());
    let first = &candidates.first;

    // challenge: a token that was solved passes limits that asked for it; asking uses it up, which a dry run does not
    let token = wishes.challenge.as_deref().filter(|_| !dry_run);
    let challenged = turnstile::solved(cx, token, &caller.ip).await?;

    // store: what is too large for a message waits in the bucket
    let idempotency = wishes
        .idempotency_key
        .as_ref()
        .map(|key| Idempotency { key: key.clone(), fingerprint: idempotency::fingerprint(&submission, version) });
    let id = JobId::new(cx.now_ms, entropy::drawn(), shard(&caller));
    let input = match candidates.may_run(known.is_some()) && !dry_run && !nothing_new {
        false => inline(Input::empty()),
        true if large => store(cx, &id, submission.input).await?,
        true => inline(submission.input),
    };

    // admit: limits, single flight, job row and outbox row in one call
    let traceparent = wishes.traceparent.or_else(new_trace).map(|traceparent| traceparent.to_string());
    let message = |candidate: &Candidate<'_>| {
        candidate.message(candidates::Letter {
            id,
            cx,
            caller: &caller,
            input: &input,
            deadline_ms,
            traceparent: &traceparent,
        })
    };
    let messages = [message(first)?, candidates.lighter.as_ref().map_or(Ok(String::new()), message)?];
    let call = SubmitCall {
        id,
        policy: Policy::of(&catalog, &caller.plan, plan, multiplier(&status, &lane, plan.guaranteed)),
        offer: first.offer.clone(),
        lighter: candidates.lighter.as_ref().map(|lighter| Box::new(lighter.offer.clone())),
        stale: candidates.stale.clone(),
        key: caller.key.clone().unwrap_or_default(),
        ip: caller.ip.clone(),
        endpoint: form.endpoint().to_owned(),
        reuse,
        free_hits,
        known,
        keep_ms: plan.keep_ms(),
        again: false,
        idempotency,
        nothing_new,
        challenged,
        store: wishes.cache.store,
        dry_run,
        wait_ms: wishes.wait_s.unwrap_or(0) * 1000,
        timing: Timing {
            not_before_ms,
            deadline_ms,
            retry_of: None,
            promise: Some(promise(&status, &lane, &first.offer)),
        },
    };
    let foreseen = dry_run.then(|| Foreseen::new(&call, first, &status, &lane, cx.now_ms));
    let admitted = objects::submit(cx, shard(&caller), call, [&messages[0], &messages[1]]).await?;
    if let (Some(Passage::Probe), Some(lighter)) = (passage, &candidates.lighter)
        && !outcome::is_lighter(&admitted)
    {
        lanes::hand_back(lighter.offer.lane, &lighter.offer.model, &lighter.offer.version);
    }
    match (foreseen, admitted, refused) {
        (None, SubmitAnswer::NothingToTell, Some(refusal)) => Err(refusal.into()),
        (Some(foreseen), SubmitAnswer::NothingToTell, Some(refusal)) => {
            answer::json(200, &foreseen.refused(&refusal), Vec::new())
        }
        (Some(foreseen), admitted, _) => outcome.foreseen(admitted, foreseen),
        (None, admitted, _) => outcome.answer(admitted, cached).await,
    }
}

/// The stored result that answers, if it is known here: of this isolate, or (`far`) of the whole colo.
async fn cached(cx: &Cx, digest: &Digest, reuse: Reuse, far: bool, lifetime: Lifetime) -> Option<Rc<Cached>> {
    let cached = match reuse {
        Reuse::Any if far => result_cache::get(digest, INLINE_BYTES).await,
        // What nobody else may see, the account's object knows of: it is asked in any case.
        Reuse::Any => result_cache::recall(digest, cx.now_ms),
        Reuse::Unfinished | Reuse::Nothing => None,
    };
    // What would be gone while the plan still promises it is not there.
    cached.filter(|cached| lifetime.outlasts(cached.job.result_stored_ms(), cx.now_ms))
}

/// What this isolate remembers of the very question, for a caller who is refused: no object is asked, and nothing that
/// could be large or wrong is looked into.
async fn recalled(outcome: &Outcome<'_>, request: Request, form: Form<'_>, wishes: &Wishes) -> Option<Rc<Cached>> {
    let Outcome { cx, catalog, caller, plan, target, .. } = outcome;
    let length: u64 = cx.incoming.content_length.as_deref()?.trim().parse().ok()?;
    if length > MOST_RECALLED_BYTES {
        return None;
    }
    header_bound::check(&request).ok()?;
    let submission = read(cx, request, target, form).await.ok()?;
    let version = wishes.version.as_deref();
    let asker = Asker { account: &caller.account, plan: &caller.plan, groups: &caller.groups, version };
    let unrouted = Unrouted { catalog, class: plan.class, asker, submission: &submission };
    let routed = route(unrouted, whole, entropy::below).ok()?;
    let timed = submission.deadline.is_some() || submission.not_before.is_some();
    if timed || wishes.reuse(routed.drawn) != Reuse::Any {
        return None;
    }
    let digest = digest(routed.model, &caller.account, &routed.parameters, &submission.input);
    let lifetime = cx.config.account.lifetime(plan.keep_ms());
    let answers = |job: &Job| {
        job.id.shard() == shard(caller)
            && lifetime.outlasts(job.result_stored_ms(), cx.now_ms)
            && job.is_shown(lifetime, cx.now_ms)
    };
    result_cache::recall(&digest, cx.now_ms).filter(|cached| answers(&cached.job))
}

/// As breakers that nobody asks: what is stored already needs none.
fn whole(_: &ModelSpec) -> Option<u64> {
    None
}

async fn read(cx: &Cx, request: Request, target: &Target, form: Form<'_>) -> Result<Submission, Stop> {
    let fields = body::Fields::of(&cx.incoming);
    match form {
        Form::Json => {
            query::none(&target.query)?;
            fields.as_ref().expect_json()?;
            Ok(decode::json(&body::read(request, &fields, MAX_BODY_BYTES).await?)?)
        }
        Form::Bare { model } => {
            let asked = query::asked(&target.query)?;
            let media_type = fields.as_ref().bare_media_type()?;
            let bytes = body::read(request, &fields, MAX_BODY_BYTES).await?;
            Ok(decode::bare(model, media_type, bytes, asked)?)
        }
    }
}

/// The caller's plan, which the catalogue may have lost since its key was made.
pub(super) fn plan_of<'a>(catalog: &'a Catalog, caller: &Caller) -> Result<&'a PlanSpec, Refusal> {
    let missing = || {
        let detail = format!("your plan {} is offered no longer: ask for a key of another", quoted(&caller.plan));
        Refusal::new(ProblemCode::UnknownPlan, detail)
    };
    catalog.plans.get(&caller.plan).ok_or_else(missing)
}

fn inline(input: Input) -> InputRef {
    InputRef::Inline { media_type: input.media_type, data: input.bytes }
}

/// Puts the input into the bucket; it is the worker's to read before the job can be admitted.
async fn store(cx: &Cx, id: &JobId, input: Input) -> Result<InputRef, Stop> {
    let sha256 = forebay_contract::hex(&input.sha256());
    let key = storage_key::input(&sha256, id);
    let bucket = Bucket { url: &cx.config.bucket_url, signer: &cx.config.signer };
    let object = NewObject { key: &key, media_type: input.media_type.name(), bytes: &input.bytes, sha256: &sha256 };
    if let Err(error) = bucket.put(cx.now_ms, object).await {
        log_line("storage-unavailable", &error.to_string());
        let detail = "the input could not be stored; nothing was accepted";
        return Err(Refusal::new(ProblemCode::StorageUnavailable, detail).with_header("retry-after", "5").into());
    }
    Ok(InputRef::Stored { media_type: input.media_type, key, bytes: input.bytes.len() as u64, sha256 })
}

/// For a job whose client follows none: it is followed all the same.
fn new_trace() -> Option<Traceparent> {
    Traceparent::new(u128::from_le_bytes(entropy::bytes()), u64::from_le_bytes(entropy::bytes()))
}
