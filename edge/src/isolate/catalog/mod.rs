//! The catalog in force: the one in the CONFIG namespace, else the one this build carries.

mod in_force;

use std::rc::Rc;

use forebay_contract::{
    ProblemCode,
    catalog::{Catalog, Complaint, PlanSpec},
};
use worker::kv::KvError;

pub use self::in_force::InForce;
use self::in_force::{Decided, decide, embedded};
use crate::{config::Config, cx::Cx, http::Stop, isolate, runtime::log_line};
use forebay_admission::Refusal;

/// The least that the namespace's own cache takes, in seconds.
const NAMESPACE_CACHE_S: u64 = 30;

/// The catalog in force; an isolate trusts what it read for `CATALOG_RECHECK_MS`.
pub async fn current(cx: &Cx) -> Result<Rc<Catalog>, Stop> {
    if let Some(catalog) = isolate::with(|isolate| isolate.catalog.get(cx.now_ms)) {
        return Ok(catalog);
    }
    // Put off before the wait: whoever comes meanwhile goes on with what is there.
    let again_ms = cx.now_ms.saturating_add(cx.config.catalog_recheck_ms);
    isolate::with(|isolate| isolate.catalog.put_off(again_ms));
    let text = match cx.env.kv("CONFIG")?.get("catalog").cache_ttl(NAMESPACE_CACHE_S).text().await {
        Ok(text) => Ok(text),
        Err(error) => Err(format!("CONFIG cannot be read: {error}")),
    };
    let before = isolate::with(|isolate| isolate.catalog.latest());
    let known = before.as_ref().map(|before| before.catalog.clone());
    let after = decide(before, text, |why| log_line("catalog-refused", &why))?;
    if !known.is_some_and(|known| Rc::ptr_eq(&known, &after.catalog))
        && let Some(why) = unkept(&after.catalog, &cx.config)
    {
        log_line("plan-not-kept", &why);
    }
    let catalog = Rc::clone(&after.catalog);
    isolate::with(|isolate| isolate.catalog.put(after));
    Ok(catalog)
}

/// Puts a catalog into the namespace: in force here at once, elsewhere within a minute. A bad one changes nothing.
pub async fn replace(cx: &Cx, text: String) -> Result<Rc<Catalog>, Stop> {
    let catalog = Rc::new(Catalog::from_json(&text).map_err(|complaints| refused(&complaints))?);
    if let Some(why) = unkept(&catalog, &cx.config) {
        return Err(Refusal::new(ProblemCode::InvalidField, why).into());
    }
    let put = cx.env.kv("CONFIG")?.put("catalog", text.as_str()).map_err(|error| Stop::broken(error.to_string()))?;
    put.execute().await.map_err(|error| unreachable(&error))?;
    adopt(cx, Decided { catalog: Rc::clone(&catalog), text: Some(text) });
    Ok(catalog)
}

/// Takes the namespace's catalog away: the one of this build is in force again.
pub async fn remove(cx: &Cx) -> Result<Rc<Catalog>, Stop> {
    cx.env.kv("CONFIG")?.delete("catalog").await.map_err(|error| unreachable(&error))?;
    let embedded = embedded(None)?;
    let catalog = Rc::clone(&embedded.catalog);
    adopt(cx, embedded);
    Ok(catalog)
}

/// The namespace takes a while to agree with itself: what it says meanwhile may be older than what was decided here.
fn adopt(cx: &Cx, decided: Decided) {
    let again_ms = cx.now_ms.saturating_add(2 * cx.config.catalog_recheck_ms);
    isolate::with(|isolate| {
        isolate.catalog.put(decided);
        isolate.catalog.put_off(again_ms);
    });
}

/// The first plan that promises more days than rows and results live here, which no catalog knows.
fn unkept(catalog: &Catalog, config: &Config) -> Option<String> {
    let row_ms = |plan: &PlanSpec| plan.retention.and_then(|retention| retention.job).map_or(0, |job| job.ms());
    if let Some((name, _)) = catalog.plans.iter().find(|(_, plan)| row_ms(plan) > config.account.retention_ms) {
        return Some(format!("plans.{name}.retention.job is more than JOB_RETENTION_DAYS"));
    }
    let (name, _) = catalog.plans.iter().find(|(_, plan)| !config.account.lifetime(plan.keep_ms()).is_kept())?;
    Some(format!(
        "plans.{name}.keep_days, or retention.result, is more than JOB_RETENTION_DAYS, or less than two days below RESULT_LIFETIME_DAYS"
    ))
}

fn refused(complaints: &[Complaint]) -> Refusal {
    /// More than these are not read anyway.
    const SHOWN: usize = 20;
    let shown: Vec<String> = complaints.iter().take(SHOWN).map(ToString::to_string).collect();
    Refusal::new(ProblemCode::InvalidField, shown.join("; "))
}

fn unreachable(error: &KvError) -> Stop {
    log_line("catalog-unreachable", &error.to_string());
    let detail = "the catalogue cannot be stored at the moment: send it again";
    Refusal::new(ProblemCode::StorageUnavailable, detail).into()
}
