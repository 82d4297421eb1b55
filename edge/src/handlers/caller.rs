//! Who asks, under which plan.

use forebay_contract::{
    ProblemCode, ShardKey,
    catalog::{Catalog, PlanSpec},
};

use crate::{
    cx::Cx,
    http::Stop,
    isolate::{catalog, keys, prefilter, tokens},
};
use forebay_admission::{
    Refusal, address,
    authenticate::{Credentials, anonymous, credentials},
    caller::Caller,
    quoted,
};

/// The caller of a request.
pub(super) async fn caller(cx: &Cx) -> Result<Caller, Stop> {
    caller_by(cx, cx.incoming.authorization.as_deref()).await
}

/// The caller behind the value of an `Authorization` field, wherever that came from.
pub(super) async fn caller_by(cx: &Cx, authorization: Option<&str>) -> Result<Caller, Stop> {
    let ip = address::prefix(cx.incoming.connecting_ip.as_deref());
    match credentials(authorization)? {
        Credentials::Key(name) => keys::authenticate(cx, name, &ip).await,
        Credentials::Token(text) => tokens::authenticate(cx, text, &ip).await,
        Credentials::None => {
            let plan = &catalog::current(cx).await?.identity.anonymous;
            let caller = anonymous(plan.as_deref(), &ip)?;
            prefilter::check(cx, &ip).await?;
            Ok(caller)
        }
    }
}

/// The caller's plan, which the catalog may have lost since its key was made.
pub(super) fn plan_of<'a>(catalog: &'a Catalog, caller: &Caller) -> Result<&'a PlanSpec, Refusal> {
    let missing = || {
        let detail = format!("your plan {} is offered no longer: ask for a key of another", quoted(&caller.plan));
        Refusal::new(ProblemCode::UnknownPlan, detail)
    };
    catalog.plans.get(&caller.plan).ok_or_else(missing)
}

/// Accounts have one shard each so far.
pub(super) fn shard(caller: &Caller) -> ShardKey {
    ShardKey::new(&caller.account, 0)
}
