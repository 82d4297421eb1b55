use std::collections::BTreeMap;

use super::{Catalog, Complaint, LaneSpec};
use crate::{Lane, PlanClass, WorkClass, ordered};

/// The most lanes: a worker polls each, and queues, alarms and labels are made of each.
pub const MOST_LANES: usize = 20;
/// The largest weight: what waits beside it in a lane of weight 1 still runs.
pub const MOST_WEIGHT: u32 = 1_000;
/// The longest that a job may be meant to wait, in milliseconds: a queue forgets messages after 14 days.
const MOST_WAIT_MS: u64 = 14 * 86_400_000;
/// The most work that may wait, in device milliseconds: a thousand devices for a month.
const MOST_BACKLOG_MS: u64 = 1_000 * 31 * 86_400_000;
/// The highest rate, in device milliseconds a second: a million devices.
const MOST_RATE: f64 = 1e9;

impl Catalog {
    /// Checks the lanes, and that every plan's jobs have one.
    pub(super) fn check_all_lanes(&self, complaints: &mut Vec<Complaint>) {
        check_lanes(&self.lanes, complaints);
        for (name, plan) in &self.plans {
            self.check_class(name, plan.class, complaints);
        }
    }

    /// Every job must have a lane to wait in.
    fn check_class(&self, plan: &str, class: PlanClass, complaints: &mut Vec<Complaint>) {
        let missing = |work: &WorkClass| {
            self.lane_of(class, *work).is_none() && self.models.iter().any(|model| model.work == *work)
        };
        if !self.lanes.values().any(|spec| spec.class == class) {
            let known = ordered::set(self.lanes.values().map(|spec| spec.class));
            let known: Vec<&str> = known.iter().map(PlanClass::name).collect();
            let what = format!(
                "found \"{class}\", but no lane is of this class; allowed are {}, or add [lanes.{class}] with \
                 class = \"{class}\" to catalog/lanes.toml",
                known.join(", ")
            );
            return complaints.push(Complaint::new(format!("plans.{plan}.class"), what));
        }
        for work in WorkClass::ALL.into_iter().filter(missing) {
            let what = format!(
                "found \"{class}\", which has no lane for {} work, and there are models of this kind; allowed is a class \
                 with a lane for each: see work in catalog/lanes.toml",
                work.name()
            );
            complaints.push(Complaint::new(format!("plans.{plan}.class"), what));
        }
    }
}

/// Checks lanes by themselves.
pub(super) fn check_lanes(lanes: &BTreeMap<Lane, LaneSpec>, complaints: &mut Vec<Complaint>) {
    if lanes.len() > MOST_LANES {
        let what = format!("found {} lanes; allowed are at most {MOST_LANES}", lanes.len());
        complaints.push(Complaint::new("lanes", what));
    }
    for (number, (lane, spec)) in lanes.iter().enumerate() {
        check_numbers(*lane, spec, complaints);
        // Where two lanes took the same jobs, one of them would wait for nothing.
        if let Some((other, _)) = lanes.iter().take(number).find(|(_, other)| overlap(spec, other)) {
            let what = format!(
                "found {} of class \"{}\", which lane {other} takes already; allowed is one lane for each kind of work of \
                 a class",
                kinds(spec),
                spec.class
            );
            complaints.push(Complaint::new(format!("lanes.{lane}.work"), what));
        }
    }
}

fn overlap(one: &LaneSpec, other: &LaneSpec) -> bool {
    WorkClass::ALL.into_iter().any(|work| one.takes(one.class, work) && other.takes(one.class, work))
}

fn check_numbers(lane: Lane, spec: &LaneSpec, complaints: &mut Vec<Complaint>) {
    let mut complain = |key: &str, what: String| complaints.push(Complaint::new(format!("lanes.{lane}.{key}"), what));
    if !(1..=MOST_WEIGHT).contains(&spec.weight) {
        complain("weight", format!("found {}; allowed is 1 to {MOST_WEIGHT}", spec.weight));
    }
    if !(1..=MOST_WAIT_MS).contains(&spec.wait_ms) {
        complain("wait_ms", format!("found {}; allowed is 1 to {MOST_WAIT_MS}, 14 days", spec.wait_ms));
    }
    if !(1..=MOST_BACKLOG_MS).contains(&spec.backlog_ms) {
        complain("backlog_ms", format!("found {}; allowed is 1 to {MOST_BACKLOG_MS}", spec.backlog_ms));
    }
    if !(spec.rate > 0.0 && spec.rate <= MOST_RATE) {
        complain("rate", format!("found {}; allowed is above 0 and at most {MOST_RATE}", spec.rate));
    }
}

fn kinds(spec: &LaneSpec) -> &'static str {
    match spec.work {
        None => "work of both kinds",
        Some(WorkClass::Light) => "light work",
        Some(WorkClass::Heavy) => "heavy work",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A catalog of one plan of this class, a light and a heavy model, and these lanes.
    fn catalog(class: &str, lanes: &Value) -> Result<Catalog, String> {
        let model = |name: &str, work: &str| {
            json!({"name": name, "version": "1", "task": "t", "title": "t", "licence": "MIT", "work": work,
                "cost_ms": 1.0, "input": {"kind": "text", "max_bytes": 100}, "parameters": {}})
        };
        let mut json = json!({
            "models": [model("small", "light"), model("large", "heavy")],
            "serving": {},
            "plans": {"p": {"class": class, "limits": []}},
        });
        json["lanes"] = lanes.clone();
        let join =
            |complaints: Vec<Complaint>| complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        Catalog::from_json(&json.to_string()).map_err(join)
    }

    #[test]
    fn a_customers_lane_is_three_lines() {
        let catalog = catalog("acme", &json!({"acme": {"class": "acme", "weight": 8}})).unwrap();
        let acme: Lane = "acme".parse().unwrap();
        let class = catalog.plans["p"].class;
        assert_eq!(WorkClass::ALL.map(|work| catalog.lane_of(class, work)), [Some(acme); 2]);
        assert_eq!(catalog.lane_of(PlanClass::PAID, WorkClass::Light), None);
        assert_eq!(catalog.lane(acme), LaneSpec { weight: 8, ..LaneSpec::of(class) });
        assert_eq!(catalog.lane(Lane::PAID_LIGHT), LaneSpec::default(), "one that it no longer has");
    }

    #[test]
    fn wrong_lanes_are_named_with_what_was_found_and_what_is_allowed() {
        let acme = |more: Value| {
            let mut lane = json!({"class": "acme"});
            lane.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"acme": lane})
        };
        let many: BTreeMap<String, Value> =
            (0..21).map(|n| (format!("lane-{n}"), json!({"class": format!("class-{n}")}))).collect();
        let two = json!({"one": {"class": "acme"}, "two": {"class": "acme", "work": "light"}});
        for (class, lanes, expect) in [
            ("acme", acme(json!({"weight": 0})), "lanes.acme.weight: found 0; allowed is 1 to 1000"),
            ("acme", acme(json!({"weight": 1001})), "lanes.acme.weight: found 1001; allowed is 1 to 1000"),
            ("acme", acme(json!({"wait_ms": 0})), "lanes.acme.wait_ms: found 0; allowed is 1 to 1209600000, 14 days"),
            ("acme", acme(json!({"backlog_ms": 0})), "lanes.acme.backlog_ms: found 0; allowed is 1 to 2678400000000"),
            (
                "acme",
                acme(json!({"rate": -1.0})),
                "lanes.acme.rate: found -1; allowed is above 0 and at most 1000000000",
            ),
            ("acme", acme(json!({"speed": 1})), "unknown field `speed`"),
            ("acme", json!({"Acme": {"class": "acme"}}), "allowed are 2 to 32 of a-z 0-9 -"),
            ("acme", json!({"acme-dlq": {"class": "acme"}}), "not ending with -dlq"),
            ("acme", json!({"acme": {"class": "A"}}), "not a class of plans; allowed are 2 to 32 of a-z"),
            ("acme", json!({"acme": {"class": "acme"}, "other": {}}), "lanes.other: found no class"),
            (
                "acme",
                two,
                "found work of both kinds of class \"acme\", which lane two takes already; allowed is one lane",
            ),
            (
                "beta",
                acme(json!({})),
                "plans.p.class: found \"beta\", but no lane is of this class; allowed are acme, or add [lanes.beta]",
            ),
            (
                "acme",
                acme(json!({"work": "light"})),
                "plans.p.class: found \"acme\", which has no lane for heavy work, and there are models of this kind",
            ),
            ("class-0", json!(many), "lanes: found 21 lanes; allowed are at most 20"),
        ] {
            let found = catalog(class, &lanes).unwrap_err();
            assert!(found.contains(expect), "{lanes}: {found}");
        }
    }

    #[test]
    fn a_catalog_that_was_compiled_before_lanes_had_classes_is_still_read() {
        let before = json!({"paid-light": {"backlog_ms": 5, "rate": 2.0}, "free-heavy": {"backlog_ms": 7}});
        for (lanes, backlogs) in [(json!({}), [600_000, 600_000, 600_000, 600_000]), (before, [5, 600_000, 600_000, 7])]
        {
            let catalog = catalog("paid", &lanes).unwrap();
            let found = Lane::SHIPPED.map(|lane| catalog.lanes[&lane].backlog_ms);
            assert_eq!((catalog.lanes.len(), found), (4, backlogs), "{lanes}");
            assert_eq!(Lane::SHIPPED.map(|lane| catalog.lanes[&lane].weight), [8, 4, 2, 1]);
            for (class, work, lane) in [
                (PlanClass::PAID, WorkClass::Light, Lane::PAID_LIGHT),
                (PlanClass::PAID, WorkClass::Heavy, Lane::PAID_HEAVY),
                (PlanClass::FREE, WorkClass::Light, Lane::FREE_LIGHT),
                (PlanClass::FREE, WorkClass::Heavy, Lane::FREE_HEAVY),
            ] {
                assert_eq!(catalog.lane_of(class, work), Some(lane));
            }
        }
    }
}
