//! Which plan would have admitted a submission that a limit refused.

use forebay_contract::catalog::{Catalog, LimitSpec, PlanSpec};
use forebay_limits::policy::Violation;

/// The plans, in order of their names, that have more room than `plan` where it refused. Shared limits of all plans are
/// the same under every plan: then there is none.
pub fn admitting_plans(catalog: &Catalog, plan: &str, violations: &[Violation]) -> Vec<String> {
    let Some(own) = catalog.plans.get(plan) else { return Vec::new() };
    let limit_of = |violation: &Violation| own.limits.iter().find(|limit| limit.name == violation.name);
    let violated: Option<Vec<(&LimitSpec, u64)>> =
        violations.iter().map(|violation| Some((limit_of(violation)?, violation.amount))).collect();
    let Some(violated) = violated.filter(|violated| !violated.is_empty()) else { return Vec::new() };
    let wider = catalog.plans.iter().filter(|(name, other)| {
        name.as_str() != plan && violated.iter().all(|(limit, amount)| has_more_room(other, limit, *amount))
    });
    wider.map(|(name, _)| name.clone()).collect()
}

/// Whether every limit of `plan` that counts the same thing gives more of it, both at once and over time, and has room
/// for `amount` at all.
fn has_more_room(plan: &PlanSpec, limit: &LimitSpec, amount: u64) -> bool {
    let same = |other: &&LimitSpec| {
        other.dimension == limit.dimension
            && other.unit == limit.unit
            && other.window.is_some() == limit.window.is_some()
            && (other.name == limit.name || calendar(other) == calendar(limit))
    };
    plan.limits.iter().filter(same).all(|other| {
        // quantity / window > quantity / window, without the division.
        let seconds = |limit: &LimitSpec| limit.window.map_or(1, |window| u128::from(window.seconds()));
        let (more, less) = (u128::from(other.quantity), u128::from(limit.quantity));
        other.quantity >= amount && more > less && more * seconds(limit) > less * seconds(other)
    })
}

fn calendar(limit: &LimitSpec) -> bool {
    limit.window.is_some_and(forebay_contract::catalog::Window::is_calendar)
}

#[cfg(test)]
mod tests {
    use forebay_contract::catalog::Beyond;
    use serde_json::json;

    use super::*;

    #[test]
    fn plans_with_more_room_are_named() {
        let limit = |name: &str, algorithm: &str, quantity: u64, window: Option<&str>| {
            let mut limit = json!({
                "name": name, "dimension": "account", "algorithm": algorithm, "quantity": quantity, "unit": "requests",
            });
            if let Some(window) = window {
                limit["window"] = json!(window);
            }
            limit
        };
        let plan = |limits: serde_json::Value| json!({"class": "free", "limits": limits});
        let json = json!({"models": [], "serving": {}, "plans": {
            "free": plan(json!([limit("submit", "token-bucket", 60, Some("1m")), limit("f", "in-flight", 5, None)])),
            "pro": plan(json!([limit("rate", "sliding-log", 600, Some("1m")), limit("f", "in-flight", 50, None)])),
            "slow": plan(json!([limit("submit", "token-bucket", 100, Some("1h"))])),
            "open": plan(json!([])),
        }});
        let catalog = Catalog::from_json(&json.to_string()).unwrap();
        let violation = |name: &str, amount: u64| Violation {
            name: name.to_owned(),
            amount,
            beyond: Beyond::Reject,
            retry_after_ms: Some(1),
            blocks_all: true,
        };
        assert_eq!(admitting_plans(&catalog, "free", &[violation("submit", 1)]), ["open", "pro"]);
        assert_eq!(admitting_plans(&catalog, "free", &[violation("f", 1)]), ["open", "pro", "slow"]);
        assert_eq!(admitting_plans(&catalog, "pro", &[violation("rate", 1)]), ["open"]);
        assert_eq!(admitting_plans(&catalog, "free", &[violation("submit", 601)]), ["open"]);
        assert!(admitting_plans(&catalog, "open", &[violation("submit", 1)]).is_empty());
    }
}
