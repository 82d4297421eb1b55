//! `GET /v1/quota`: every limit of the caller, and how it stands.

use std::collections::{BTreeMap, BTreeSet};

use forebay_contract::{
    Lane, PlanClass,
    catalog::{Algorithm, Catalog, Dimension, LaneSpec, LimitSpec, Unit, Window},
    ordered,
};
use forebay_limits::{
    lending::{Scope, holdings::SharedLimit},
    policy::{Policy, Subject},
};
use serde::Serialize;

use super::caller::{caller, plan_of, shard};
use crate::{
    cx::Cx,
    http::{Answer, Stop, Target, answer},
    isolate::catalog,
    objects::{self, lanes},
    runtime::log_line,
};
use forebay_account::{LimitStatusesCall, asked};
use forebay_admission::{lane::shed::multiplier, query};

/// Every limit of a caller.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Quota<'a> {
    account: &'a str,
    plan: &'a str,
    limits: Vec<Limit<'a>>,
    /// Shared limits whose keeper did not answer: they hold, and nothing is known of them at the moment.
    unknown: BTreeSet<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "LimitStanding"))]
struct Limit<'a> {
    name: &'a str,
    dimension: Dimension,
    /// What a shared limit counts together.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    algorithm: Algorithm,
    unit: Unit,
    window: Option<Window>,
    /// As it holds now: a plan's own rates fall while a lane is full. As for the fuller one of the plan's lanes.
    limit: u64,
    used: u64,
    remaining: u64,
    /// When nothing of it is used any more, in milliseconds since the epoch; null for jobs in flight.
    resets_ms: Option<u64>,
}

/// Asks the Account object for the caller's own limits and the keepers of shared ones for theirs.
pub async fn get(cx: &Cx, target: &Target) -> Result<Answer, Stop> {
    let caller = caller(cx).await?;
    query::none(&target.query)?;
    let catalog = catalog::current(cx).await?;
    let plan = plan_of(&catalog, &caller)?;
    let mut lowest: f64 = 1.0;
    for (lane, spec) in lanes_of(&catalog, plan.class) {
        let status = lanes::status(cx, lane).await;
        lowest = lowest.min(multiplier(&status, spec, plan.guaranteed));
    }
    let policy = Policy::of(&catalog, &caller.plan, plan, lowest);
    let call = asked::LimitStatuses(Box::new(LimitStatusesCall {
        policy: policy.clone(),
        key: caller.key.clone().unwrap_or_default(),
        ip: caller.ip.clone(),
        endpoint: "/v1/jobs".to_owned(),
    }));
    let statuses = objects::call(cx, shard(&caller), call).await?;
    let specs = ordered::map(policy.limits.iter().chain(&policy.common).map(|spec| (spec.name.as_str(), spec)));
    let own = statuses.iter().filter_map(|status| {
        let spec = specs.get(status.name.as_str())?;
        Some(limit_of(spec, None, status.quantity, status.remaining, Some(cx.now_ms.saturating_add(status.reset_ms))))
    });
    let mut limits: Vec<Limit<'_>> = own.collect();
    let mut unknown = BTreeSet::new();
    let own_lanes: Vec<Lane> = lanes_of(&catalog, plan.class).map(|(lane, _)| lane).collect();
    let models = catalog.serving.iter().map(|(name, serving)| serving.model(name));
    let shared = shared_limits(&policy, models, &own_lanes);
    for (scope, asked) in shared {
        let limits_asked = asked.iter().map(|(limit, spec)| (limit.id.clone(), spec.clone())).collect();
        let levels = match lanes::levels(cx, &scope, limits_asked).await {
            Ok(levels) => levels,
            Err(error) => {
                log_line("levels-failed", &error);
                for (_, spec) in asked {
                    unknown.insert(spec.name);
                }
                continue;
            }
        };
        for ((_, spec), level) in asked.iter().zip(levels) {
            let (Some(spec), Some(level)) = (specs.get(spec.name.as_str()), level) else { continue };
            let resets_ms = Some(cx.now_ms.saturating_add(level.reset_ms));
            limits.push(limit_of(spec, Some(scope.to_string()), level.quantity, level.remaining, resets_ms));
        }
    }
    answer::json(200, &Quota { account: &caller.account, plan: &caller.plan, limits, unknown }, Vec::new())
}

fn limit_of(spec: &LimitSpec, scope: Option<String>, limit: u64, remaining: u64, resets_ms: Option<u64>) -> Limit<'_> {
    Limit {
        name: &spec.name,
        dimension: spec.dimension,
        scope,
        algorithm: spec.algorithm,
        unit: spec.unit,
        window: spec.window,
        limit,
        used: limit.saturating_sub(remaining),
        remaining,
        resets_ms: resets_ms.filter(|_| spec.window.is_some()),
    }
}

/// The lanes of a plan.
fn lanes_of(catalog: &Catalog, class: PlanClass) -> impl Iterator<Item = (Lane, &LaneSpec)> {
    catalog.lanes.iter().filter(move |(_, spec)| spec.class == class).map(|(lane, spec)| (*lane, spec))
}

/// The shared limits that hold for the caller in every lane and for every model, by the object that keeps them.
fn shared_limits<'a>(
    policy: &Policy,
    models: impl Iterator<Item = &'a str>,
    lanes: &[Lane],
) -> BTreeMap<Scope, Vec<(SharedLimit, LimitSpec)>> {
    let mut scopes: BTreeMap<Scope, Vec<(SharedLimit, LimitSpec)>> = BTreeMap::new();
    for model in models {
        for lane in lanes.iter().copied() {
            let subject = Subject { key: "", ip: "", endpoint: "", model, lane, cost_ms: 0 };
            for (limit, spec) in policy.shared(&subject) {
                let list = scopes.entry(limit.scope.clone()).or_default();
                if !list.iter().any(|(known, _)| *known == limit) {
                    list.push((limit, spec));
                }
            }
        }
    }
    scopes
}
