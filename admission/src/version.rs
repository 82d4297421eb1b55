//! Which version of a model runs for a caller.

use std::collections::BTreeMap;

use forebay_contract::catalog::{Catalog, ModelSpec, Serving};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Who asks, as far as the choice of a version goes.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The account: a share of the accounts gets a canary, always the same ones.
    pub account: &'a str,
    /// The plan's name.
    pub plan: &'a str,
    /// The caller's groups.
    pub groups: &'a [String],
    /// The version that `X-Model-Version` asks for.
    pub version: Option<&'a str>,
}

/// Why this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// The client asked for it.
    Header,
    /// One of the caller's groups has it.
    Group,
    /// The caller's plan has it.
    Plan,
    /// The account is in its share.
    Weight,
    /// Nothing else was said.
    Stable,
    /// The version that would have run fails too often.
    Fallback,
}

/// A choice, and what it fell back from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice<'a> {
    /// The model version.
    pub model: &'a ModelSpec,
    /// Why.
    pub because: Because,
}

/// Why there is no choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoChoice {
    /// Nothing is served under the name.
    NoModel,
    /// The version that was asked for is not there; these are.
    NoVersion {
        /// The versions there are.
        versions: Vec<String>,
    },
    /// The breaker of the only version that may run is open.
    Broken {
        /// When one may be tried again, in milliseconds from now.
        retry_after_ms: u64,
    },
}

/// Chooses for a client that asked for `name` (a served name or a task). `broken` says for how many milliseconds a
/// version's breaker lets nothing through; `None` lets it through.
pub fn choose<'a>(
    catalog: &'a Catalog,
    name: &str,
    asker: Asker<'_>,
    mut broken: impl FnMut(&ModelSpec) -> Option<u64>,
) -> Result<Choice<'a>, NoChoice> {
    let (name, serving) = catalog.served_name(name).ok_or(NoChoice::NoModel)?;
    let find = |version: &str| catalog.model(serving.model(name), version);
    let (version, because) = wanted(name, serving, asker);
    let Some(model) = find(version) else { return Err(no_version(catalog, serving.model(name))) };
    let Some(retry_after_ms) = broken(model) else { return Ok(Choice { model, because }) };
    // Who asks for a version by name gets that version or none.
    if because == Because::Header || version == serving.version {
        return Err(NoChoice::Broken { retry_after_ms });
    }
    let stable = find(&serving.version).ok_or(NoChoice::NoModel)?;
    match broken(stable) {
        None => Ok(Choice { model: stable, because: Because::Fallback }),
        Some(retry_after_ms) => Err(NoChoice::Broken { retry_after_ms }),
    }
}

fn wanted<'a>(name: &str, serving: &'a Serving, asker: Asker<'a>) -> (&'a str, Because) {
    if let Some(version) = asker.version {
        return (version, Because::Header);
    }
    if let Some(version) = asker.groups.iter().find_map(|group| serving.groups.get(group)) {
        return (version, Because::Group);
    }
    if let Some(version) = serving.plans.get(asker.plan) {
        return (version, Because::Plan);
    }
    match weighted(&serving.weights, &serving.version, percentile(name, asker.account)) {
        Some(version) => (version, Because::Weight),
        None => (&serving.version, Because::Stable),
    }
}

/// The version of a percentile from 0 to 99. Canaries have the lowest percentiles and the stable version the rest, so that a
/// share that grows keeps the accounts it had.
fn weighted<'a>(weights: &'a BTreeMap<String, u32>, stable: &str, percentile: u32) -> Option<&'a str> {
    let mut end = 0;
    let canaries = weights.iter().filter(|(version, _)| *version != stable);
    canaries
        .map(|(version, weight)| {
            end += weight;
            (version, end)
        })
        .find(|(_, end)| percentile < *end)
        .map(|(version, _)| version.as_str())
}

/// The account's percentile from 0 to 99: a stable hash, so that a caller does not flap, and another one for each name, so
/// that the same accounts are not everybody's first.
fn percentile(name: &str, account: &str) -> u32 {
    let hash = Sha256::new().chain_update(name).chain_update(b"\0").chain_update(account).finalize();
    let bytes = hash.first_chunk::<8>().copied().unwrap_or_default();
    (u64::from_be_bytes(bytes) % 100) as u32
}

fn no_version(catalog: &Catalog, model: &str) -> NoChoice {
    let versions = catalog.models.iter().filter(|spec| spec.name == model).map(|spec| spec.version.clone()).collect();
    NoChoice::NoVersion { versions }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn catalog(serving: &Value) -> Catalog {
        let model = |version: &str| {
            json!({
                "name": "m", "version": version, "task": "t", "title": "t", "licence": "MIT", "work": "light",
                "cost_ms": 1.0, "input": {"kind": "text", "max_bytes": 100}, "parameters": {},
            })
        };
        let json = json!({
            "models": [model("1"), model("2"), model("3")],
            "serving": {"m": serving, "alias": {"model": "m", "version": "3"}},
            "tasks": {"text": "m"},
            "plans": {"free": {"class": "free", "limits": []}, "beta": {"class": "free", "limits": []}},
        });
        Catalog::from_json(&json.to_string()).unwrap()
    }

    fn asker<'a>(account: &'a str, plan: &'a str, groups: &'a [String], version: Option<&'a str>) -> Asker<'a> {
        Asker { account, plan, groups, version }
    }

    /// Which version runs and why; `open` lists the versions whose breaker is open.
    fn chosen(serving: &Value, name: &str, asker: Asker<'_>, open: &[&str]) -> Result<(String, Because), NoChoice> {
        let broken = |model: &ModelSpec| open.contains(&model.version.as_str()).then_some(700);
        choose(&catalog(serving), name, asker, broken).map(|choice| (choice.model.version.clone(), choice.because))
    }

    #[test]
    fn header_then_group_then_plan_then_weight_then_stable() {
        let all = json!({"version": "1", "weights": {"1": 0, "2": 100}, "plans": {"beta": "3"}, "groups": {"qa": "2"}});
        let groups = ["staff".to_owned(), "qa".to_owned()];
        for (plan, groups, version, expect) in [
            ("beta", groups.as_slice(), Some("1"), ("1", Because::Header)),
            ("beta", &groups, None, ("2", Because::Group)),
            ("beta", &[], None, ("3", Because::Plan)),
            ("free", &[], None, ("2", Because::Weight)),
        ] {
            let (version, because) = chosen(&all, "m", asker("a", plan, groups, version), &[]).unwrap();
            assert_eq!((version.as_str(), because), expect);
        }
        let only = json!({"version": "1"});
        assert_eq!(chosen(&only, "text", asker("a", "free", &[], None), &[]), Ok(("1".to_owned(), Because::Stable)));
        assert_eq!(chosen(&only, "alias", asker("a", "free", &[], None), &[]), Ok(("3".to_owned(), Because::Stable)));
        assert_eq!(chosen(&only, "n", asker("a", "free", &[], None), &[]), Err(NoChoice::NoModel));
        let versions = ["1", "2", "3"].map(str::to_owned).to_vec();
        assert_eq!(chosen(&only, "m", asker("a", "free", &[], Some("9")), &[]), Err(NoChoice::NoVersion { versions }));
    }

    #[test]
    fn an_open_canary_falls_back_to_the_stable_version_but_a_version_asked_for_does_not() {
        let canary = json!({"version": "1", "weights": {"1": 0, "2": 100}});
        let broken = Err(NoChoice::Broken { retry_after_ms: 700 });
        let ask = |version| asker("a", "free", &[], version);
        assert_eq!(chosen(&canary, "m", ask(None), &["2"]), Ok(("1".to_owned(), Because::Fallback)));
        assert_eq!(chosen(&canary, "m", ask(Some("2")), &["2"]), broken);
        assert_eq!(chosen(&canary, "m", ask(None), &["1", "2"]), broken);
        assert_eq!(chosen(&json!({"version": "1"}), "m", ask(None), &["1"]), broken);
    }

    proptest! {
        #[test]
        fn a_share_gets_about_its_per_cent_and_growing_it_moves_nobody_back(share in 0u32..=100, more in 0u32..=100) {
            let weights = |share: u32| BTreeMap::from([("1".to_owned(), 100 - share), ("2".to_owned(), share)]);
            let (few, many) = (weights(share.min(more)), weights(share.max(more)));
            let mut count = 0;
            for number in 0..2000 {
                let percentile = percentile("m", &format!("account-{number}"));
                if weighted(&few, "1", percentile).is_some() {
                    prop_assert!(weighted(&many, "1", percentile).is_some());
                    count += 1;
                }
            }
            prop_assert!((f64::from(count) / 20.0 - f64::from(share.min(more))).abs() < 5.0, "{count}");
        }
    }
}
