//! `GET /v1/models`: what the caller may ask for.

use forebay_contract::{
    InputKind, MediaType, ParameterSpec, PlanClass,
    catalog::{Catalog, ImageLimits, LimitSpec, ModelSpec},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

use super::caller::caller;
use crate::{
    cx::Cx,
    http::{Answer, Stop, Target},
    isolate::catalog,
    objects::lanes,
};
use forebay_admission::{
    conditional,
    lane::position::{Estimate, Eta, QueuedJob},
    query,
};

/// What a caller may ask for.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Models"))]
pub struct Listing<'a> {
    models: Vec<Model<'a>>,
    plan: Plan<'a>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "OwnPlan"))]
struct Plan<'a> {
    name: &'a str,
    limits: &'a [LimitSpec],
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Model<'a> {
    name: &'a str,
    version: &'a str,
    task: &'a str,
    title: &'a str,
    licence: &'a str,
    input: ModelInput<'a>,
    parameters: &'a BTreeMap<String, ParameterSpec>,
    /// Until the end of a job that came when this was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_ms: Option<Eta>,
    submit_url: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ModelInput<'a> {
    kind: InputKind,
    media_types: Vec<&'static str>,
    max_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a ImageLimits>,
}

/// How long a client may go on with what it has: the catalog changes by hand, and the limits with it.
const CACHE_CONTROL: &str = "private, max-age=60";
/// What the listing depends on besides its address.
const VARY: &str = "Authorization";

/// Lists the versions that answer, with what they take and what the caller's plan allows.
pub async fn get(cx: &Cx, target: &Target) -> Result<Answer, Stop> {
    let caller = caller(cx).await?;
    query::none(&target.query)?;
    let catalog = catalog::current(cx).await?;
    let plan = catalog.plans.get(&caller.plan);
    let limits = plan.map(|plan| plan.limits.as_slice()).unwrap_or_default();
    let mut models = models(&catalog, &target.origin);
    if let Some(plan) = plan {
        for (model, listed) in served(&catalog).zip(&mut models) {
            listed.eta_ms = eta(cx, &catalog, plan.class, model).await;
        }
    }
    let listing = Listing { models, plan: Plan { name: &caller.plan, limits } };
    let body = serde_json::to_string(&listing).map_err(|error| Stop::broken(error.to_string()))?;
    let etag = format!("\"{}\"", forebay_contract::hex(&Sha256::digest(&body)));
    let fields = [("etag", etag.clone()), ("cache-control", CACHE_CONTROL.to_owned()), ("vary", VARY.to_owned())];
    if conditional::none_match(cx.incoming.if_none_match.as_deref(), &etag) {
        return Ok(Answer::Empty { status: 304, fields: fields.into() });
    }
    Ok(Answer::Text { status: 200, content_type: "application/json", body, fields: fields.into() })
}

fn models<'a>(catalog: &'a Catalog, origin: &str) -> Vec<Model<'a>> {
    served(catalog).map(|model| model_of(model, origin)).collect()
}

fn served(catalog: &Catalog) -> impl Iterator<Item = &ModelSpec> {
    catalog.serving.keys().filter_map(|name| catalog.stable_model(name))
}

/// Of a job without parameters that comes now.
async fn eta(cx: &Cx, catalog: &Catalog, class: PlanClass, model: &ModelSpec) -> Option<Eta> {
    let lane = catalog.lane_of(class, model.work)?;
    let (status, spec) = (lanes::status(cx, lane).await, catalog.lane(lane));
    let waiting = QueuedJob { cost_ms: model.cost_ms.ceil(), ..QueuedJob::default() };
    Some(Estimate { status: &status, spec: &spec }.queue(waiting).eta_ms)
}

fn model_of<'a>(model: &'a ModelSpec, origin: &str) -> Model<'a> {
    Model {
        name: &model.name,
        version: &model.version,
        task: &model.task,
        title: &model.title,
        licence: &model.licence,
        input: ModelInput {
            kind: model.input.kind,
            media_types: MediaType::ALL.into_iter().filter(|known| model.takes(*known)).map(MediaType::name).collect(),
            max_bytes: model.input.max_bytes,
            image: model.input.image.as_ref(),
        },
        parameters: &model.parameters,
        eta_ms: None,
        submit_url: format!("{origin}/v1/models/{}/jobs", model.name),
    }
}
