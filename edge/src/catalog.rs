//! The catalogue in force: the one in the CONFIG namespace, else the one this build carries.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use forebay_contract::{
    ProblemCode,
    catalog::{Catalog, Complaint},
};
use worker::kv::KvError;

use crate::{
    config::Config,
    cx::{Cx, Stop, log_line},
};
use forebay_admission::Refusal;

/// What `build.rs` compiled.
const EMBEDDED: &str = include_str!(concat!(env!("OUT_DIR"), "/catalog.json"));
/// The least that the namespace's own cache takes, in seconds.
const NAMESPACE_CACHE_S: u64 = 30;

thread_local! {
    static IN_FORCE: RefCell<Option<InForce>> = const { RefCell::new(None) };
    /// When to look into the namespace again.
    static LOOK_AGAIN_MS: Cell<u64> = const { Cell::new(0) };
}

/// A catalogue and the text in the namespace it was decided by.
#[derive(Clone)]
struct InForce {
    catalog: Rc<Catalog>,
    /// The last text seen, good or bad: the same bad text is complained of once.
    text: Option<String>,
}

/// The catalogue in force; an isolate trusts what it read for `CATALOG_RECHECK_MS`.
pub async fn current(cx: &Cx) -> Result<Rc<Catalog>, Stop> {
    let known = IN_FORCE.with_borrow(|in_force| in_force.as_ref().map(|in_force| in_force.catalog.clone()));
    if let (Some(catalog), true) = (known, cx.now_ms < LOOK_AGAIN_MS.get()) {
        return Ok(catalog);
    }
    // Set before the wait: whoever comes meanwhile goes on with what is there.
    LOOK_AGAIN_MS.set(cx.now_ms.saturating_add(cx.config.catalog_recheck_ms));
    let text = match cx.env.kv("CONFIG")?.get("catalog").cache_ttl(NAMESPACE_CACHE_S).text().await {
        Ok(text) => Ok(text),
        Err(error) => Err(format!("CONFIG cannot be read: {error}")),
    };
    let before = IN_FORCE.with_borrow(Clone::clone);
    let known = before.as_ref().map(|before| before.catalog.clone());
    let after = decide(before, text, |why| log_line("catalog-refused", &why))?;
    if !known.is_some_and(|known| Rc::ptr_eq(&known, &after.catalog))
        && let Some(why) = unkept(&after.catalog, &cx.config)
    {
        log_line("plan-not-kept", &why);
    }
    IN_FORCE.with_borrow_mut(|in_force| *in_force = Some(after.clone()));
    Ok(after.catalog)
}

/// Puts a catalogue into the namespace: in force here at once, elsewhere within a minute. A bad one changes nothing.
pub async fn replace(cx: &Cx, text: String) -> Result<Rc<Catalog>, Stop> {
    let catalog = Rc::new(Catalog::from_json(&text).map_err(|complaints| refused(&complaints))?);
    if let Some(why) = unkept(&catalog, &cx.config) {
        return Err(Refusal::new(ProblemCode::InvalidField, why).into());
    }
    let put = cx.env.kv("CONFIG")?.put("catalog", text.as_str()).map_err(|error| Stop::broken(error.to_string()))?;
    put.execute().await.map_err(|error| unreachable(&error))?;
    adopt(cx, InForce { catalog: Rc::clone(&catalog), text: Some(text) });
    Ok(catalog)
}

/// Takes the namespace's catalogue away: the one of this build is in force again.
pub async fn remove(cx: &Cx) -> Result<Rc<Catalog>, Stop> {
    cx.env.kv("CONFIG")?.delete("catalog").await.map_err(|error| unreachable(&error))?;
    let embedded = embedded(None)?;
    let catalog = Rc::clone(&embedded.catalog);
    adopt(cx, embedded);
    Ok(catalog)
}

/// The namespace takes a while to agree with itself: what it says meanwhile may be older than what was decided here.
fn adopt(cx: &Cx, decided: InForce) {
    IN_FORCE.with_borrow_mut(|in_force| *in_force = Some(decided));
    LOOK_AGAIN_MS.set(cx.now_ms.saturating_add(2 * cx.config.catalog_recheck_ms));
}

/// The first plan that promises more days than rows and results live here, which no catalogue knows.
fn unkept(catalog: &Catalog, config: &Config) -> Option<String> {
    let (name, _) = catalog.plans.iter().find(|(_, plan)| !config.account.lifetime(plan.keep_ms()).is_kept())?;
    Some(format!(
        "plans.{name}.keep_days is more than JOB_RETENTION_DAYS, or less than two days below RESULT_LIFETIME_DAYS"
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

/// What is in force after the namespace said `text`. Something bad is complained of and changes nothing.
fn decide(
    before: Option<InForce>,
    text: Result<Option<String>, String>,
    complain: impl Fn(String),
) -> Result<InForce, Stop> {
    let text = match text {
        Ok(text) => text,
        Err(why) => {
            complain(why);
            return before.map_or_else(|| embedded(None), Ok);
        }
    };
    if let Some(before) = &before
        && before.text == text
    {
        return Ok(before.clone());
    }
    let Some(json) = &text else { return embedded(None) };
    match Catalog::from_json(json) {
        Ok(catalog) => Ok(InForce { catalog: Rc::new(catalog), text }),
        Err(complaints) => {
            complain(complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
            match before {
                Some(before) => Ok(InForce { text, ..before }),
                None => embedded(text),
            }
        }
    }
}

fn embedded(text: Option<String>) -> Result<InForce, Stop> {
    let catalog = Catalog::from_json(EMBEDDED).map_err(|_| Stop::broken("the embedded catalogue is not valid"))?;
    Ok(InForce { catalog: Rc::new(catalog), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_PLAN: &str = r#"{"models":[],"serving":{},"plans":{"one":{"class":"free","limits":[]}}}"#;

    fn after(before: Option<InForce>, text: Result<Option<&str>, &str>) -> (InForce, usize) {
        let complaints = Cell::new(0);
        let text = text.map(|text| text.map(str::to_owned)).map_err(str::to_owned);
        let after = decide(before, text, |_| complaints.set(complaints.get() + 1)).ok().unwrap();
        (after, complaints.get())
    }

    fn has_one_plan(in_force: &InForce) -> bool {
        in_force.catalog.plans.contains_key("one")
    }

    #[test]
    fn a_good_text_replaces_the_embedded_one_and_its_removal_brings_that_back() {
        let (good, complaints) = after(None, Ok(Some(ONE_PLAN)));
        assert!(has_one_plan(&good) && complaints == 0);
        let (back, _) = after(Some(good), Ok(None));
        assert!(!has_one_plan(&back));
    }

    #[test]
    fn a_bad_text_is_complained_of_once_and_the_last_good_one_stays() {
        let (good, _) = after(None, Ok(Some(ONE_PLAN)));
        let (kept, complaints) = after(Some(good), Ok(Some("{}")));
        assert!(has_one_plan(&kept) && complaints == 1);
        let (kept, complaints) = after(Some(kept), Ok(Some("{}")));
        assert!(has_one_plan(&kept) && complaints == 0);
        let (kept, complaints) = after(Some(kept), Err("unreachable"));
        assert!(has_one_plan(&kept) && complaints == 1);
        let (embedded, complaints) = after(None, Ok(Some("nonsense")));
        assert!(!has_one_plan(&embedded) && complaints == 1);
    }
}
