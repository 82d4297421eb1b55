use std::collections::BTreeSet;

use super::{
    Algorithm, Beyond, Catalog, IssuerSpec, JwtAlgorithm, LONGEST_WORK_MS, LimitSpec, ModelSpec, PlanSpec, Retention,
    Serving,
};
use crate::{InputKind, ParameterSpec, ordered};

/// The service's bound on one input, in bytes.
const MAX_INPUT_BYTES: u64 = 10_000_000;
/// JSON numbers are doubles: whole numbers are exact below 2⁵³.
const MAX_EXACT: i64 = 9_007_199_254_740_991;
/// A sliding log keeps a time for every unit.
const LONGEST_LOG: u64 = 1_000;
/// The longest a submission may wait for a limit, in milliseconds.
const LONGEST_WAIT_MS: u64 = 30_000;
/// The most limits that hold for one submission, the service's own included.
const MOST_LIMITS: usize = 16;

/// One thing that is wrong with a catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key_path}: {what}")]
pub struct Complaint {
    /// The file or the key.
    pub key_path: String,
    /// What was found and what is allowed.
    pub what: String,
}

impl Complaint {
    pub(super) fn new(key_path: impl Into<String>, what: impl Into<String>) -> Self {
        Self { key_path: key_path.into(), what: what.into() }
    }
}

impl Catalog {
    /// Checks everything that types cannot say.
    pub fn validate(&self) -> Result<(), Vec<Complaint>> {
        let mut complaints = Vec::new();
        let mut seen = BTreeSet::new();
        for model in &self.models {
            if !seen.insert((&model.name, &model.version)) {
                let what = "there are two of this name and version";
                complaints.push(Complaint::new(format!("{}@{}", model.name, model.version), what));
            }
            check_model(model, &mut complaints);
        }
        for (name, serving) in &self.serving {
            self.check_serving(name, serving, &mut complaints);
        }
        for (task, name) in &self.tasks {
            if !self.serving.contains_key(name) {
                let what = format!("found \"{name}\"; allowed is a name that is served");
                complaints.push(Complaint::new(format!("tasks.{task}"), what));
            }
        }
        if self.plans.is_empty() {
            complaints.push(Complaint::new("plans", "there is no plan; at least one is needed"));
        }
        for (name, plan) in &self.plans {
            self.check_plan(name, plan, &mut complaints);
        }
        for limit in &self.limits {
            check_limit("limits", limit, &mut complaints);
            if !limit.dimension.is_shared() {
                let what = "allowed for limits of all plans together are model, lane and global";
                complaints.push(Complaint::new(format!("limits.{}.dimension", limit.name), what));
            }
        }
        self.check_all_lanes(&mut complaints);
        self.check_identity(&mut complaints);
        if complaints.is_empty() { Ok(()) } else { Err(complaints) }
    }
}

impl Catalog {
    fn check_serving(&self, name: &str, serving: &Serving, complaints: &mut Vec<Complaint>) {
        let key_path = |key: &str| format!("serve.{name}.{key}");
        let model = serving.model(name);
        for version in ordered::set(serving.versions()) {
            if self.model(model, version).is_none() {
                let what = format!("found version \"{version}\", but there is no such model folder");
                complaints.push(Complaint::new(key_path("version"), what));
            }
        }
        let sum: u64 = serving.weights.values().map(|weight| u64::from(*weight)).sum();
        if !serving.weights.is_empty() && sum != 100 {
            complaints.push(Complaint::new(key_path("weights"), format!("the sum is {sum}; it must be 100")));
        }
        for plan in serving.plans.keys() {
            self.check_plan_name(&key_path("plans"), plan, complaints);
        }
        let Some(lighter) = &serving.lighter else { return };
        let kind = |name: &str| self.stable_model(name).map(|model| model.input.kind);
        if lighter == name || !self.serving.contains_key(lighter) || kind(lighter) != kind(name) {
            let what = format!("found \"{lighter}\"; allowed is another served name with the same kind of input");
            complaints.push(Complaint::new(key_path("lighter"), what));
        }
    }

    fn check_plan(&self, name: &str, plan: &PlanSpec, complaints: &mut Vec<Complaint>) {
        let key_path = format!("plans.{name}.limits");
        let mut names = ordered::set(self.limits.iter().map(|limit| limit.name.as_str()));
        for limit in &plan.limits {
            check_limit(&key_path, limit, complaints);
            if !names.insert(&limit.name) {
                let what = "there are two limits of this name that hold together";
                complaints.push(Complaint::new(format!("{key_path}.{}", limit.name), what));
            }
        }
        if plan.limits.len() + self.limits.len() > MOST_LIMITS {
            complaints.push(Complaint::new(key_path, format!("allowed are {MOST_LIMITS} limits at once")));
        }
        if plan.keep_days.is_some_and(|days| !(1..=365).contains(&days)) {
            let what = "allowed is a whole number from 1 to 365".to_owned();
            complaints.push(Complaint::new(format!("plans.{name}.keep_days"), what));
        }
        if plan.keep_days.is_some() && plan.retention.is_some_and(|retention| retention.result.is_some()) {
            let what = "found beside retention.result, which says the same; leave one of them out";
            complaints.push(Complaint::new(format!("plans.{name}.keep_days"), what));
        }
        for (key, what) in plan.retention.iter().flat_map(Retention::complaints) {
            complaints.push(Complaint::new(format!("plans.{name}.retention.{key}"), what));
        }
        if !(plan.guaranteed > 0.0 && plan.guaranteed <= 1.0) {
            let what = format!("found {}; allowed is above 0 and at most 1", plan.guaranteed);
            complaints.push(Complaint::new(format!("plans.{name}.guaranteed"), what));
        }
    }

    fn check_plan_name(&self, key_path: &str, plan: &str, complaints: &mut Vec<Complaint>) {
        if !self.plans.contains_key(plan) {
            let what = format!("found \"{plan}\"; allowed are {}", join(self.plans.keys()));
            complaints.push(Complaint::new(key_path, what));
        }
    }

    fn check_identity(&self, complaints: &mut Vec<Complaint>) {
        if let Some(plan) = &self.identity.anonymous {
            self.check_plan_name("identity.anonymous", plan, complaints);
        }
        let mut names = BTreeSet::new();
        for issuer in &self.identity.issuers {
            let key_path = format!("identity.issuers.{}", issuer.name);
            for plan in std::iter::once(&issuer.plan).chain(issuer.groups.values()) {
                self.check_plan_name(&key_path, plan, complaints);
            }
            if !names.insert(&issuer.name) {
                complaints.push(Complaint::new(&key_path, "there are two issuers of this name"));
            }
            check_issuer(&key_path, issuer, complaints);
        }
    }
}

fn check_issuer(key_path: &str, issuer: &IssuerSpec, complaints: &mut Vec<Complaint>) {
    let mut complain = |key: &str, what: String| complaints.push(Complaint::new(format!("{key_path}.{key}"), what));
    // `ip` is where anonymous callers are.
    if !is_name(&issuer.name) || issuer.name == "ip" {
        complain("name", "allowed are 1 to 64 of a-z 0-9 . _ -, but not ip".to_owned());
    }
    if issuer.issuer.is_empty() || issuer.audience.is_empty() {
        complain("issuer", "issuer and audience must be there: a token for somebody else is not for us".to_owned());
    }
    if issuer.algorithms.is_empty() {
        complain("algorithms", "allowed are HS256, RS256, ES256, EdDSA, at least one of them".to_owned());
    }
    if let Some(url) = &issuer.jwks_url
        && !(url.starts_with("https://") || url.starts_with("http://127.0.0.1:"))
    {
        complain("jwks_url", format!("found \"{url}\"; allowed is an https URL"));
    }
    let public = issuer.algorithms.iter().any(|algorithm| *algorithm != JwtAlgorithm::HS256);
    if public && issuer.jwks_url.is_none() && issuer.keys.is_empty() {
        complain("keys", "jwks_url or keys must be there for RS256, ES256 and EdDSA".to_owned());
    }
    if issuer.algorithms.contains(&JwtAlgorithm::HS256) != issuer.secret.is_some() {
        complain("secret", "must name a Worker secret for HS256 and only then".to_owned());
    }
    for key in &issuer.keys {
        let field = |name: &str| key.get(name).and_then(serde_json::Value::as_str);
        let fits = |algorithm: &JwtAlgorithm| {
            let (kty, crv) = algorithm.key_type();
            *algorithm != JwtAlgorithm::HS256
                && field("kty") == Some(kty)
                && crv.is_none_or(|crv| field("crv") == Some(crv))
        };
        if !issuer.algorithms.iter().any(fits) || key.contains_key("d") {
            complain("keys", "allowed are public JWKs of the algorithms that are listed".to_owned());
        }
    }
}

impl ModelSpec {
    /// Checks one model by itself: what a worker does with the folders it is given.
    pub fn validate(&self) -> Result<(), Vec<Complaint>> {
        let mut complaints = Vec::new();
        check_model(self, &mut complaints);
        if complaints.is_empty() { Ok(()) } else { Err(complaints) }
    }
}

fn check_model(model: &ModelSpec, complaints: &mut Vec<Complaint>) {
    let key_path = |key: &str| format!("{}@{}: {key}", model.name, model.version);
    for (key, value) in [("model.name", &model.name), ("model.version", &model.version)] {
        if !is_name(value) {
            let what =
                format!("found \"{value}\"; allowed are 1 to 64 of a-z 0-9 . _ -, starting with a letter or digit");
            complaints.push(Complaint::new(key_path(key), what));
        }
    }
    if !(model.cost_ms.is_finite() && model.cost_ms > 0.0) {
        let what = format!("found {}; allowed is a number above 0", model.cost_ms);
        complaints.push(Complaint::new(key_path("model.cost_ms"), what));
    }
    check_longest(model, complaints);
    if model.input.max_bytes > MAX_INPUT_BYTES {
        let what = format!("found {}; allowed is at most {MAX_INPUT_BYTES}", model.input.max_bytes);
        complaints.push(Complaint::new(key_path("model.input.max_bytes"), what));
    }
    if let Some(limits) = model.input.text
        && (model.input.kind != InputKind::Text || limits.max_chars == 0 || limits.max_tokens == 0)
    {
        let what = "goes with kind = \"text\" alone; max_chars and max_tokens must be above 0";
        complaints.push(Complaint::new(key_path("model.input.text"), what));
    }
    if (model.input.kind == InputKind::Image) != model.input.image.is_some() {
        let what = "must be there for kind = \"image\" and only then";
        complaints.push(Complaint::new(key_path("model.input.image"), what));
    }
    if let Some(name) = &model.cost_parameter
        && !matches!(model.parameters.get(name), Some(ParameterSpec::Integer { .. }))
    {
        let what = format!("found \"{name}\"; allowed is the name of an integer parameter");
        complaints.push(Complaint::new(key_path("model.cost_parameter"), what));
    }
    for (name, spec) in &model.parameters {
        if let Err(what) = check_parameter(spec) {
            complaints.push(Complaint::new(key_path(&format!("model.parameters.{name}")), what));
        }
    }
}

/// What no job may take, no job should take that says nothing of how much it wants, or as little as it can.
fn check_longest(model: &ModelSpec, complaints: &mut Vec<Complaint>) {
    let mut complain = |key: &str, what: String| {
        complaints.push(Complaint::new(format!("{}@{}: {key}", model.name, model.version), what));
    };
    if model.cost_ms > LONGEST_WORK_MS {
        let what = format!("found {}; allowed is at most {LONGEST_WORK_MS}, ten hours", model.cost_ms);
        return complain("model.cost_ms", what);
    }
    let Some(name) = &model.cost_parameter else { return };
    let Some(ParameterSpec::Integer { min, default, .. }) = model.parameters.get(name) else { return };
    let most = model.most_of_cost_parameter();
    if default.unwrap_or(*min) > most {
        let what = format!("without it jobs would be refused; with this cost_ms, {most} make ten hours");
        complain(&format!("model.parameters.{name}"), what);
    }
}

fn check_parameter(spec: &ParameterSpec) -> Result<(), String> {
    match spec {
        ParameterSpec::Integer { min, max, default } => {
            if min > max || *min < -MAX_EXACT || *max > MAX_EXACT {
                return Err(format!("found min {min}, max {max}; allowed is min ≤ max, both within ±{MAX_EXACT}"));
            }
            match default {
                Some(default) if !(min..=max).contains(&default) => Err(outside(default, spec)),
                _ => Ok(()),
            }
        }
        ParameterSpec::Number { min, max, default } => {
            if !(min.is_finite() && max.is_finite() && min <= max) {
                return Err(format!("found min {min}, max {max}; allowed is min ≤ max, both finite"));
            }
            if (min..=max).contains(&default) { Ok(()) } else { Err(outside(default, spec)) }
        }
        ParameterSpec::Boolean { .. } => Ok(()),
        ParameterSpec::Choice { options, default } => {
            if options.contains(default) {
                Ok(())
            } else {
                Err(outside(default, spec))
            }
        }
    }
}

fn outside(default: impl std::fmt::Display, spec: &ParameterSpec) -> String {
    format!("found default {default}; allowed is {}", spec.expected())
}

fn check_limit(key_path: &str, limit: &LimitSpec, complaints: &mut Vec<Complaint>) {
    let mut complain =
        |key: &str, what: String| complaints.push(Complaint::new(format!("{key_path}.{}.{key}", limit.name), what));
    if !is_name(&limit.name) {
        complain("name", "allowed are 1 to 64 of a-z 0-9 . _ -".to_owned());
    }
    if !(1..=1_000_000_000).contains(&limit.quantity) {
        complain("quantity", format!("found {}; allowed is 1 to 1000000000", limit.quantity));
    }
    if limit.algorithm == Algorithm::SlidingLog && limit.quantity > LONGEST_LOG {
        let what = format!("found {}; a sliding-log takes at most {LONGEST_LOG}: use sliding-window", limit.quantity);
        complain("quantity", what);
    }
    match (limit.algorithm, limit.window) {
        (Algorithm::InFlight, None) => {}
        (Algorithm::InFlight, Some(_)) => complain("window", "in-flight has no window".to_owned()),
        (_, None) => complain("window", "is missing; allowed are such as 10s, 5m, 1h, 7d, day, month".to_owned()),
        (Algorithm::FixedWindow, Some(_)) => {}
        (_, Some(window)) if window.is_calendar() => {
            complain("window", format!("found \"{window}\"; only a fixed-window follows the calendar"));
        }
        (_, Some(_)) => {}
    }
    let own = !limit.dimension.is_shared();
    if limit.algorithm == Algorithm::InFlight && !(own && limit.dimension == super::Dimension::Account) {
        complain("dimension", "in-flight counts an account's jobs: allowed is account".to_owned());
    }
    if let Beyond::Wait(wait_ms) = limit.beyond
        && !(own && limit.algorithm != Algorithm::InFlight && (1..=LONGEST_WAIT_MS).contains(&wait_ms))
    {
        let what = format!("wait_ms is allowed for account, key, ip and endpoint, with 1 to {LONGEST_WAIT_MS}");
        complain("beyond", what);
    }
}

fn join<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Names go into paths, keys and headers as they are.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    (1..=64).contains(&text.len())
        && text.chars().all(allowed)
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
}
