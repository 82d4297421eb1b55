//! `POST /v1/jobs` and `POST /v1/models/{model}/jobs`: the way of a job into the queue, stage by stage; and
//! `POST /v1/plan` and `POST /v1/models/{model}/plan`, the same way without taking a step.

mod admitted;
mod answered;
mod decoded;
mod looked_up;
pub mod plan_body;
mod protected;
mod refused_before;
pub mod retry;
mod routed;
pub mod turnstile;
mod wishes;

use forebay_contract::catalog::{Catalog, PlanSpec};
use worker::web_sys::Request;

use self::{
    admitted::{Admission, Stored},
    decoded::{Decoded, Form},
    looked_up::{Degraded, LookedUp},
    protected::Protected,
    refused_before::RefusedBefore,
    routed::Routed,
    wishes::Wishes,
};
use super::caller::{caller, plan_of};
use crate::{
    cx::Cx,
    http::{Answer, Stop, Target},
    isolate::catalog,
};
use forebay_admission::caller::Caller;

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

/// What is to become of it.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Taken,
    Foretold,
}

/// What is known of a submission before its body is read: who sends it, under which plan, and what its header asks for.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    cx: &'a Cx,
    target: &'a Target,
    form: Form<'a>,
    /// Whether it is only said what it would come to.
    dry_run: bool,
    caller: &'a Caller,
    catalog: &'a Catalog,
    plan: &'a PlanSpec,
    wishes: &'a Wishes,
}

async fn submit(cx: &Cx, request: Request, target: &Target, form: Form<'_>, step: Step) -> Result<Answer, Stop> {
    // authenticate: who asks, under which plan
    let (caller, catalog) = (caller(cx).await?, catalog::current(cx).await?);
    let (plan, wishes) = (plan_of(&catalog, &caller)?, Wishes::of(&cx.incoming)?);
    let dry_run = step == Step::Foretold;
    let known = Known { cx, target, form, dry_run, caller: &caller, catalog: &catalog, plan, wishes: &wishes };

    // known: whoever was refused a moment ago still is, and nobody need be asked; but what counts against no limit is
    // beyond none
    if let Some(refused) = RefusedBefore::of(known) {
        return refused.answer(known, request).await;
    }

    // decode: one canonical input
    let decoded = Decoded::read(known, request).await?;

    // route: model version, lane, parameters; the seed is drawn here, once
    let routed = Routed::of(known, &decoded.submission).await?;

    // protect: room in the lane, and time until the deadline
    let protected = Protected::of(known, decoded.times, &routed);

    // cache: the same question has been answered in this colo before
    let looked_up = LookedUp::of(known, &decoded, &routed, &protected).await?;
    if let Some(cached) = looked_up.free_answer(known) {
        return known.hit(cached);
    }

    // degrade: what would run in its place must be let in as well; what counts against no limit is beyond none
    let degraded = Degraded::of(known, routed, &protected, &looked_up);

    // challenge: a token that was solved passes limits that asked for it; asking uses it up, which a dry run does not
    let token = wishes.challenge.as_deref().filter(|_| !dry_run);
    let challenged = turnstile::solved(cx, token, &caller.ip).await?;

    // store: what is too large for a message waits in the bucket
    let stored = Stored::of(known, decoded.submission, &degraded, &looked_up).await?;

    // admit: limits, single flight, job row and outbox row in one call
    let admission = Admission { known, protected: &protected, looked_up: &looked_up, degraded: &degraded, challenged };
    let admitted = admission.ask(stored).await?;

    // What the object decided, in the words of HTTP.
    known.answer(admitted, looked_up).await
}
