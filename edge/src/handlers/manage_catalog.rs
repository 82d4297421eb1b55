//! `/internal/v1/catalog`: the operator changes models and plans without a deployment.

use forebay_contract::catalog::Catalog;
use serde::Serialize;
use worker::web_sys::Request;

use super::{Target, admitted};
use crate::{
    answer::{self, Answer},
    catalog,
    cx::{Cx, Stop, log_line},
};
use forebay_admission::fields::text;

/// A thousand models take about half of it.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What is in force now, in numbers.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CatalogSummary"))]
pub struct Summary {
    models: usize,
    plans: usize,
}

/// `GET /internal/v1/catalog`: the catalogue in force, in the form that `PUT` takes.
pub async fn get(cx: &Cx, request: Request, target: &Target) -> Result<Answer, Stop> {
    admitted(cx, request, target, 0).await?;
    answer::json(200, &*catalog::current(cx).await?, Vec::new())
}

/// `PUT /internal/v1/catalog`
pub async fn put(cx: &Cx, request: Request, target: &Target) -> Result<Answer, Stop> {
    let body = admitted(cx, request, target, MAX_BODY_BYTES).await?;
    told("catalog-replaced", &*catalog::replace(cx, text(&body)?.to_owned()).await?)
}

/// `DELETE /internal/v1/catalog`
pub async fn delete(cx: &Cx, request: Request, target: &Target) -> Result<Answer, Stop> {
    admitted(cx, request, target, 0).await?;
    told("catalog-removed", &*catalog::remove(cx).await?)
}

fn told(event: &str, catalog: &Catalog) -> Result<Answer, Stop> {
    let summary = Summary { models: catalog.models.len(), plans: catalog.plans.len() };
    log_line(event, &format!("{} models, {} plans", summary.models, summary.plans));
    answer::json(200, &summary, Vec::new())
}
