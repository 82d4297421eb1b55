//! The limits of one submission together: all of them let it pass, or none of them counts it.

use std::collections::BTreeMap;

use forebay_contract::{
    Lane,
    catalog::{Algorithm, Beyond, Catalog, Dimension, LimitSpec, PlanSpec, Unit, Window},
};
use serde::{Deserialize, Serialize};

use crate::{
    Level, Memory, Rule,
    lending::{
        Scope,
        holdings::{Need, SharedLimit},
    },
};

/// When to look whether a lane is less full, in milliseconds: its backlog is smoothed over about as long.
const RECOVERS_MS: u64 = 10_000;

/// Name → bucket.
pub type Buckets = BTreeMap<String, Bucket>;

/// What a limit remembers, and until when that matters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// What it remembers.
    pub memory: Memory,
    /// When it is as good as none, in milliseconds since the epoch.
    pub until_ms: u64,
}

impl Bucket {
    fn new(rule: Rule, memory: Memory, now_ms: u64) -> Self {
        let until_ms = now_ms.saturating_add(rule.level(Some(&memory), now_ms).reset_ms);
        Self { memory, until_ms }
    }
}

/// What limits count a submission by.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The API key's id; callers without one count together.
    pub key: &'a str,
    /// The address prefix.
    pub ip: &'a str,
    /// The path's pattern.
    pub endpoint: &'a str,
    /// The model.
    pub model: &'a str,
    /// The lane.
    pub lane: Lane,
    /// Predicted device milliseconds.
    pub cost_ms: u64,
}

/// The limits that hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The plan's name: its shared limits count its own callers.
    pub plan: String,
    /// The plan's limits.
    pub limits: Vec<LimitSpec>,
    /// The shared limits of all plans.
    pub common: Vec<LimitSpec>,
    /// What the plan's own rates are multiplied by while a lane is full.
    pub multiplier: f64,
}

/// Whether a limit of the plan, or one of all plans, lets something else answer beyond it.
pub fn degrades(catalog: &Catalog, plan: &PlanSpec) -> bool {
    plan.limits.iter().chain(&catalog.limits).any(|limit| limit.beyond == Beyond::Degrade)
}

/// What the Account object knows of its limits.
#[derive(Clone, Copy)]
pub struct Accounts<'a> {
    /// Its buckets.
    pub buckets: &'a Buckets,
    /// What it holds of shared limits.
    pub shared: &'a dyn Fn(&SharedLimit, u64) -> Need,
    /// Its jobs that have not ended.
    pub in_flight: u64,
    /// The time.
    pub now_ms: u64,
}

/// What a caller has left of one limit: what the RateLimit fields and `GET /v1/quota` say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitStatus {
    /// The limit's name.
    pub name: String,
    /// The most units of a window, as it holds now.
    pub quantity: u64,
    /// The window in seconds; `None` for jobs in flight.
    pub window_s: Option<u64>,
    /// Units left.
    pub remaining: u64,
    /// Milliseconds until nothing of it is used.
    pub reset_ms: u64,
}

/// A limit that does not let the submission pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The limit's name.
    pub name: String,
    /// The units that it would have counted.
    pub amount: u64,
    /// What is to happen.
    pub beyond: Beyond,
    /// When it would pass; `None`: never, it is more than the limit ever gives.
    pub retry_after_ms: Option<u64>,
    /// Whether any other submission of this caller would meet the same refusal.
    pub blocks_all: bool,
}

/// What a submission takes when it passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taken {
    /// The buckets after it.
    pub buckets: Buckets,
    /// Units of shared limits.
    pub shared: Vec<(SharedLimit, u64)>,
}

/// What the limits say.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It passes.
    Pass(Taken),
    /// It does not; the buckets are to be kept although nothing was taken.
    Refuse {
        /// The limits.
        violations: Vec<Violation>,
        /// Buckets to be kept although nothing was taken.
        normalized: Buckets,
    },
    /// Keepers of shared limits must be asked first: (limit, its rule, the units needed).
    Ask(Vec<(SharedLimit, LimitSpec, u64)>),
}

impl Policy {
    /// The limits that hold for callers of the plan `name`.
    pub fn of(catalog: &Catalog, name: &str, plan: &PlanSpec, multiplier: f64) -> Self {
        Self { plan: name.to_owned(), limits: plan.limits.clone(), common: catalog.limits.clone(), multiplier }
    }

    /// Judges a submission; limits named in `skipped` are not asked and count nothing.
    pub fn judge(&self, subject: &Subject<'_>, skipped: &[String], accounts: &Accounts<'_>) -> Verdict {
        let (mut taken, mut violations, mut asks) = (Taken::default(), Vec::new(), Vec::new());
        let mut normalized = Buckets::new();
        for counter in self.counters(subject).filter(|counter| !skipped.contains(&counter.spec.name)) {
            let mut beyond = counter.spec.beyond;
            let retry_after_ms = match counter.counted {
                Counted::InFlight if accounts.in_flight < counter.spec.quantity => continue,
                // Nobody knows when a job ends; a second is when looking again is worth it.
                Counted::InFlight => Some(1000),
                Counted::Own { bucket, rule } => {
                    let before = accounts.buckets.get(&bucket).map(|bucket| &bucket.memory);
                    match rule.take(before, counter.amount, accounts.now_ms) {
                        Ok(memory) => {
                            taken.buckets.insert(bucket, Bucket::new(rule, memory, accounts.now_ms));
                            continue;
                        }
                        Err(wait) => {
                            let kept = wait.memory.map(|memory| Bucket::new(rule, memory, accounts.now_ms));
                            normalized.extend(kept.map(|kept| (bucket, kept)));
                            wait.retry_after_ms.or_else(|| {
                                // Waiting here changes nothing: what the lane leaves was decided with the call.
                                if matches!(beyond, Beyond::Wait(_)) {
                                    beyond = Beyond::Reject;
                                }
                                recovers_ms(counter.spec, counter.amount, before, accounts.now_ms)
                            })
                        }
                    }
                }
                Counted::Shared(limit) => match (accounts.shared)(&limit, counter.amount) {
                    Need::Enough => {
                        taken.shared.push((limit, counter.amount));
                        continue;
                    }
                    Need::Ask { want } => {
                        asks.push((limit, counter.spec.clone(), want));
                        continue;
                    }
                    Need::Denied { retry_after_ms } => retry_after_ms,
                },
            };
            violations.push(Violation {
                name: counter.spec.name.clone(),
                amount: counter.amount,
                beyond,
                retry_after_ms,
                blocks_all: counter.spec.unit == Unit::Requests
                    && counter.spec.algorithm != Algorithm::InFlight
                    && !matches!(counter.spec.dimension, Dimension::Model | Dimension::Lane | Dimension::Endpoint),
            });
        }
        match (violations.is_empty(), asks.is_empty()) {
            (false, _) => Verdict::Refuse { violations, normalized },
            (true, false) => Verdict::Ask(asks),
            (true, true) => Verdict::Pass(taken),
        }
    }

    /// What the caller has left of its own limits, with `changed` buckets instead of the stored ones.
    pub fn statuses(&self, subject: &Subject<'_>, changed: &Buckets, accounts: &Accounts<'_>) -> Vec<LimitStatus> {
        let status = |counter: Counter<'_>| {
            let level = match counter.counted {
                Counted::InFlight => Level {
                    quantity: counter.spec.quantity,
                    remaining: counter.spec.quantity.saturating_sub(accounts.in_flight),
                    reset_ms: 0,
                },
                Counted::Own { bucket, rule } => {
                    let bucket = changed.get(&bucket).or_else(|| accounts.buckets.get(&bucket));
                    rule.level(bucket.map(|bucket| &bucket.memory), accounts.now_ms)
                }
                Counted::Shared(_) => return None,
            };
            Some(LimitStatus {
                name: counter.spec.name.clone(),
                quantity: level.quantity,
                window_s: counter.spec.window.map(Window::seconds),
                remaining: level.remaining,
                reset_ms: level.reset_ms,
            })
        };
        self.counters(subject).filter_map(status).collect()
    }

    /// The shared limits that hold for the subject.
    pub fn shared(&self, subject: &Subject<'_>) -> Vec<(SharedLimit, LimitSpec)> {
        let shared = |counter: Counter<'_>| match counter.counted {
            Counted::Shared(limit) => Some((limit, counter.spec.clone())),
            _ => None,
        };
        self.counters(subject).filter_map(shared).collect()
    }

    fn counters<'a>(&'a self, subject: &'a Subject<'a>) -> impl Iterator<Item = Counter<'a>> {
        let own = self.limits.iter().map(|spec| (spec, Some(self.plan.as_str())));
        let common = self.common.iter().map(|spec| (spec, None));
        own.chain(common).map(|(spec, plan)| Counter::new(spec, plan, subject, self.multiplier))
    }
}

/// A limit as it counts one submission.
struct Counter<'a> {
    spec: &'a LimitSpec,
    counted: Counted,
    amount: u64,
}

/// Where the count is kept.
enum Counted {
    InFlight,
    Own { bucket: String, rule: Rule },
    Shared(SharedLimit),
}

impl<'a> Counter<'a> {
    fn new(spec: &'a LimitSpec, plan: Option<&str>, subject: &Subject<'_>, multiplier: f64) -> Self {
        let amount = match spec.unit {
            Unit::Requests => 1,
            Unit::Cost => subject.cost_ms.max(1),
        };
        let Some(rule) = Rule::of(spec) else { return Self { spec, counted: Counted::InFlight, amount } };
        let Some(scope) = Scope::of(spec.dimension, subject.model, subject.lane) else {
            // Allowances by the calendar are promised; only rates give way to a full lane.
            let calendar = spec.window.is_some_and(Window::is_calendar);
            let rule = if calendar { rule } else { rule.scaled(multiplier) };
            return Self { spec, counted: Counted::Own { bucket: bucket(spec, subject), rule }, amount };
        };
        let id = plan.map_or_else(|| spec.name.clone(), |plan| format!("{plan}/{}", spec.name));
        Self { spec, counted: Counted::Shared(SharedLimit { scope, id }), amount }
    }
}

/// When to come back with an amount that only the whole limit gives, not what a full lane leaves of it.
fn recovers_ms(spec: &LimitSpec, amount: u64, before: Option<&Memory>, now_ms: u64) -> Option<u64> {
    match Rule::of(spec)?.take(before, amount, now_ms) {
        Ok(_) => Some(RECOVERS_MS),
        Err(wait) => Some(wait.retry_after_ms?.max(RECOVERS_MS)),
    }
}

fn bucket(spec: &LimitSpec, subject: &Subject<'_>) -> String {
    let part = match spec.dimension {
        Dimension::Key => subject.key,
        Dimension::Ip => subject.ip,
        Dimension::Endpoint => subject.endpoint,
        _ => return spec.name.clone(),
    };
    format!("{}|{part}", spec.name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn limit(name: &str, dimension: Dimension, quantity: u64, unit: Unit) -> LimitSpec {
        LimitSpec {
            name: name.to_owned(),
            dimension,
            algorithm: Algorithm::TokenBucket,
            quantity,
            window: Some(Window::Seconds(60)),
            unit,
            beyond: Beyond::Reject,
        }
    }

    fn policy(limits: Vec<LimitSpec>, multiplier: f64) -> Policy {
        Policy { plan: "free".to_owned(), limits, common: Vec::new(), multiplier }
    }

    fn subject<'a>(key: &'a str, ip: &'a str, cost_ms: u64) -> Subject<'a> {
        Subject { key, ip, endpoint: "/v1/jobs", model: "m", lane: Lane::FREE_LIGHT, cost_ms }
    }

    /// The names of the limits that refuse; what passes is kept in `buckets`.
    fn judged(policy: &Policy, subject: &Subject<'_>, buckets: &mut Buckets) -> Vec<String> {
        let accounts = Accounts { buckets, shared: &|_, _| Need::Enough, in_flight: 0, now_ms: NOW_MS };
        match policy.judge(subject, &[], &accounts) {
            Verdict::Pass(taken) => {
                buckets.extend(taken.buckets);
                Vec::new()
            }
            Verdict::Refuse { violations, .. } => violations.into_iter().map(|violation| violation.name).collect(),
            Verdict::Ask(_) => panic!("nothing is to be asked"),
        }
    }

    #[test]
    fn each_dimension_counts_its_own() {
        let one_of = |dimension| policy(vec![limit("l", dimension, 1, Unit::Requests)], 1.0);
        for (dimension, other_key, other_ip) in
            [(Dimension::Account, false, false), (Dimension::Key, true, false), (Dimension::Ip, false, true)]
        {
            let (policy, mut buckets) = (one_of(dimension), Buckets::new());
            assert!(judged(&policy, &subject("a", "1", 1), &mut buckets).is_empty());
            assert_eq!(judged(&policy, &subject("b", "1", 1), &mut buckets).is_empty(), other_key, "{dimension:?}");
            assert_eq!(judged(&policy, &subject("a", "2", 1), &mut buckets).is_empty(), other_ip, "{dimension:?}");
        }
    }

    #[test]
    fn cost_counts_as_it_is_and_what_is_too_much_for_ever_never_passes() {
        let policy = policy(vec![limit("credits", Dimension::Account, 100, Unit::Cost)], 1.0);
        let mut buckets = Buckets::new();
        assert!(judged(&policy, &subject("", "", 60), &mut buckets).is_empty());
        assert_eq!(judged(&policy, &subject("", "", 60), &mut buckets), ["credits"]);
        assert!(judged(&policy, &subject("", "", 40), &mut buckets).is_empty());
        let accounts = Accounts { buckets: &buckets, shared: &|_, _| Need::Enough, in_flight: 0, now_ms: NOW_MS };
        let Verdict::Refuse { violations, .. } = policy.judge(&subject("", "", 101), &[], &accounts) else {
            panic!("passed")
        };
        assert_eq!(violations[0].retry_after_ms, None);
    }

    #[test]
    fn a_full_lane_lowers_rates_and_leaves_allowances_alone() {
        let daily = LimitSpec {
            algorithm: Algorithm::FixedWindow,
            window: Some(Window::Day),
            ..limit("daily", Dimension::Account, 10, Unit::Requests)
        };
        let policy = policy(vec![limit("rate", Dimension::Account, 10, Unit::Requests), daily], 0.2);
        let mut buckets = Buckets::new();
        for _ in 0..2 {
            assert!(judged(&policy, &subject("", "", 1), &mut buckets).is_empty());
        }
        assert_eq!(judged(&policy, &subject("", "", 1), &mut buckets), ["rate"]);
        let accounts = Accounts { buckets: &buckets, shared: &|_, _| Need::Enough, in_flight: 0, now_ms: NOW_MS };
        let statuses = policy.statuses(&subject("", "", 1), &Buckets::new(), &accounts);
        let left: Vec<_> = statuses.iter().map(|status| (status.quantity, status.remaining)).collect();
        assert_eq!(left, [(2, 0), (10, 8)]);
    }

    #[test]
    fn what_only_an_empty_lane_gives_is_told_to_come_back() {
        let credits = limit("credits", Dimension::Account, 100, Unit::Cost);
        let lowered = policy(vec![LimitSpec { beyond: Beyond::Wait(30_000), ..credits }], 0.2);
        // 100 units a minute; some are used.
        for (used, cost, expect) in [
            (0, 21, Some(10_000)),
            (0, 100, Some(10_000)),
            (0, 101, None),
            (20, 81, Some(10_000)),
            (20, 100, Some(12_000)),
            (20, 101, None),
        ] {
            let mut buckets = Buckets::new();
            let full = Policy { multiplier: 1.0, ..lowered.clone() };
            assert!(used == 0 || judged(&full, &subject("", "", used), &mut buckets).is_empty());
            let accounts = Accounts { buckets: &buckets, shared: &|_, _| Need::Enough, in_flight: 0, now_ms: NOW_MS };
            let Verdict::Refuse { violations, .. } = lowered.judge(&subject("", "", cost), &[], &accounts) else {
                panic!("{cost} passed")
            };
            let found = (violations[0].retry_after_ms, violations[0].beyond);
            assert_eq!(found, (expect, Beyond::Reject), "{cost} after {used}");
        }
    }

    #[test]
    fn something_else_may_answer_where_any_limit_says_so() {
        let (hard, soft) = (json!("reject"), json!("degrade"));
        for (own, common, expect) in [(&hard, &hard, false), (&soft, &hard, true), (&hard, &soft, true)] {
            let limit = |dimension: &str, beyond: &Value| {
                json!({"name": "l", "dimension": dimension, "algorithm": "token-bucket", "quantity": 1, "window": "1m",
                    "unit": "requests", "beyond": beyond})
            };
            let json = json!({"models": [], "serving": {}, "limits": [limit("global", common)],
                "plans": {"free": {"class": "free", "limits": [limit("account", own)]}}});
            let catalog: Catalog = serde_json::from_value(json).unwrap();
            assert_eq!(degrades(&catalog, &catalog.plans["free"]), expect, "{own} {common}");
        }
    }

    proptest! {
        #[test]
        fn a_submission_counts_against_every_limit_or_none(
            quantities in prop::collection::vec(1u64..20, 1..6),
            costs in prop::collection::vec(1u64..5, 1..60),
        ) {
            let units = [Unit::Requests, Unit::Cost];
            let limits = quantities.iter().enumerate().map(|(number, quantity)| {
                limit(&format!("l{number}"), Dimension::Account, *quantity, units[number % 2])
            });
            let policy = policy(limits.collect(), 1.0);
            let (mut buckets, mut requests, mut spent) = (Buckets::new(), 0, 0);
            for cost in costs {
                let refused = judged(&policy, &subject("", "", cost), &mut buckets);
                let expect = quantities.iter().enumerate().filter(|(number, quantity)| {
                    if number % 2 == 0 { requests + 1 > **quantity } else { spent + cost > **quantity }
                });
                prop_assert_eq!(refused.clone(), expect.map(|(number, _)| format!("l{number}")).collect::<Vec<_>>());
                if refused.is_empty() {
                    (requests, spent) = (requests + 1, spent + cost);
                }
            }
        }
    }
}
