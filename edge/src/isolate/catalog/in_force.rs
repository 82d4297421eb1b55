use std::rc::Rc;

use forebay_contract::catalog::Catalog;

use crate::http::Stop;

/// What `build.rs` compiled.
const EMBEDDED: &str = include_str!(concat!(env!("OUT_DIR"), "/catalog.json"));

/// A catalog, and the text in the namespace it was decided by.
#[derive(Clone)]
pub(super) struct Decided {
    pub(super) catalog: Rc<Catalog>,
    /// The last text seen, good or bad: the same bad text is complained of once.
    pub(super) text: Option<String>,
}

/// The catalog in force, and until when it is trusted.
#[derive(Default)]
pub struct InForce {
    decided: Option<Decided>,
    /// When to look into the namespace again.
    again_ms: u64,
}

impl InForce {
    /// The catalog; `None` when it is time to look into the namespace.
    pub(super) fn get(&self, now_ms: u64) -> Option<Rc<Catalog>> {
        let decided = self.decided.as_ref().filter(|_| now_ms < self.again_ms)?;
        Some(Rc::clone(&decided.catalog))
    }

    /// What was decided last, trusted or not.
    pub(super) fn latest(&self) -> Option<Decided> {
        self.decided.clone()
    }

    /// Nobody looks before then.
    pub(super) fn put_off(&mut self, again_ms: u64) {
        self.again_ms = again_ms;
    }

    /// This one is in force.
    pub(super) fn put(&mut self, decided: Decided) {
        self.decided = Some(decided);
    }
}

/// What is in force after the namespace said `text`. Something bad is complained of and changes nothing.
pub(super) fn decide(
    before: Option<Decided>,
    text: Result<Option<String>, String>,
    complain: impl Fn(String),
) -> Result<Decided, Stop> {
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
        Ok(catalog) => Ok(Decided { catalog: Rc::new(catalog), text }),
        Err(complaints) => {
            complain(complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
            match before {
                Some(before) => Ok(Decided { text, ..before }),
                None => embedded(text),
            }
        }
    }
}

pub(super) fn embedded(text: Option<String>) -> Result<Decided, Stop> {
    let catalog = Catalog::from_json(EMBEDDED).map_err(|_| Stop::broken("the embedded catalog is not valid"))?;
    Ok(Decided { catalog: Rc::new(catalog), text })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const ONE_PLAN: &str = r#"{"models":[],"serving":{},"plans":{"one":{"class":"free","limits":[]}}}"#;

    fn after(before: Option<Decided>, text: Result<Option<&str>, &str>) -> (Decided, usize) {
        let complaints = Cell::new(0);
        let text = text.map(|text| text.map(str::to_owned)).map_err(str::to_owned);
        let after = decide(before, text, |_| complaints.set(complaints.get() + 1)).ok().unwrap();
        (after, complaints.get())
    }

    fn has_one_plan(decided: &Decided) -> bool {
        decided.catalog.plans.contains_key("one")
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

    #[test]
    fn what_is_known_is_trusted_until_it_is_looked_at_again() {
        let (good, _) = after(None, Ok(Some(ONE_PLAN)));
        let mut in_force = InForce::default();
        in_force.put_off(10);
        assert!(in_force.get(9).is_none() && in_force.latest().is_none());
        in_force.put(good);
        assert!(in_force.get(9).is_some() && in_force.get(10).is_none() && in_force.latest().is_some());
        // Whoever comes while somebody looks goes on with what is there.
        in_force.put_off(20);
        assert!(in_force.get(10).is_some());
    }
}
