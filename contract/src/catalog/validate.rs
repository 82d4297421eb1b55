use std::collections::BTreeSet;

use super::{Catalog, LimitSpec, ModelSpec};
use crate::{InputKind, ParameterSpec};

/// The service's bound on one input, in bytes.
const MAX_INPUT_BYTES: u64 = 10_000_000;
/// JSON numbers are doubles: whole numbers are exact below 2⁵³.
const MAX_EXACT: i64 = 9_007_199_254_740_991;

/// One thing that is wrong with a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Complaint {
    /// The file or the key.
    pub place: String,
    /// What was found and what is allowed.
    pub what: String,
}

impl Complaint {
    pub(super) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
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
        for (name, version) in &self.serving {
            if !seen.contains(&(name, version)) {
                let what = format!("found version \"{version}\", but there is no such model folder");
                complaints.push(Complaint::new(format!("serve.{name}.version"), what));
            }
        }
        if self.plans.is_empty() {
            complaints.push(Complaint::new("plans", "there is no plan; at least one is needed"));
        }
        for (name, plan) in &self.plans {
            for limit in &plan.limits {
                check_limit(name, limit, &mut complaints);
            }
        }
        if complaints.is_empty() { Ok(()) } else { Err(complaints) }
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
    let place = |key: &str| format!("{}@{}: {key}", model.name, model.version);
    for (key, value) in [("model.name", &model.name), ("model.version", &model.version)] {
        if !is_name(value) {
            let what =
                format!("found \"{value}\"; allowed are 1 to 64 of a-z 0-9 . _ -, starting with a letter or digit");
            complaints.push(Complaint::new(place(key), what));
        }
    }
    if !(model.cost_ms.is_finite() && model.cost_ms > 0.0) {
        let what = format!("found {}; allowed is a number above 0", model.cost_ms);
        complaints.push(Complaint::new(place("model.cost_ms"), what));
    }
    if model.input.max_bytes > MAX_INPUT_BYTES {
        let what = format!("found {}; allowed is at most {MAX_INPUT_BYTES}", model.input.max_bytes);
        complaints.push(Complaint::new(place("model.input.max_bytes"), what));
    }
    if (model.input.kind == InputKind::Image) != model.input.image.is_some() {
        let what = "must be there for kind = \"image\" and only then";
        complaints.push(Complaint::new(place("model.input.image"), what));
    }
    if let Some(name) = &model.cost_parameter
        && !matches!(model.parameters.get(name), Some(ParameterSpec::Integer { .. }))
    {
        let what = format!("found \"{name}\"; allowed is the name of an integer parameter");
        complaints.push(Complaint::new(place("model.cost_parameter"), what));
    }
    for (name, spec) in &model.parameters {
        if let Err(what) = check_parameter(spec) {
            complaints.push(Complaint::new(place(&format!("model.parameters.{name}")), what));
        }
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

fn check_limit(plan: &str, limit: &LimitSpec, complaints: &mut Vec<Complaint>) {
    let place = |key: &str| format!("plans.{plan}.limits.{}.{key}", limit.name);
    if !is_name(&limit.name) {
        complaints.push(Complaint::new(place("name"), "allowed are 1 to 64 of a-z 0-9 . _ -"));
    }
    if !(1..=1_000_000_000).contains(&limit.quantity) {
        let what = format!("found {}; allowed is 1 to 1000000000", limit.quantity);
        complaints.push(Complaint::new(place("quantity"), what));
    }
    if !(1..=31 * 86_400).contains(&limit.window_s) {
        let what = format!("found {}; allowed is 1 to 2678400 (31 days)", limit.window_s);
        complaints.push(Complaint::new(place("window_s"), what));
    }
}

/// Names go into paths, keys and headers as they are.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    (1..=64).contains(&text.len())
        && text.chars().all(allowed)
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
}
