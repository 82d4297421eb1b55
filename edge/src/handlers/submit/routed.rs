//! Which model version a submission is for, what could run in its place, and how the lanes stand that it may end in.

use std::{collections::BTreeMap, rc::Rc};

use forebay_contract::{
    Lane, PlanClass, ProblemCode, WorkClass,
    catalog::{Catalog, ModelSpec},
};
use forebay_limits::policy::degrades;

use super::Known;
use crate::{cx::Cx, http::Stop, isolate::entropy, objects::lanes};
use forebay_account::{Offer, Reuse};
use forebay_admission::{
    Refusal, Submission,
    lane::{BreakerState, LaneStatus, remembered::Passage},
    route::{self, Unrouted, degraded, digest, route},
    version::Asker,
};

/// A submission with everything that the catalog and the lanes decide.
pub struct Routed<'a> {
    /// What could run.
    pub candidates: Candidates<'a>,
    /// The lanes that it may end in.
    pub statuses: Statuses<'a>,
    /// Why nothing new runs on the model, while nothing does.
    pub broken: Option<Refusal>,
    /// What earlier jobs may do for it.
    pub reuse: Reuse,
}

/// One thing that could run.
pub struct Candidate<'a> {
    /// What the catalog says of it.
    pub routed: route::Routed<'a>,
    /// The same for the Account object.
    pub offer: Offer,
}

/// Everything that could run.
pub struct Candidates<'a> {
    /// What was asked for.
    pub first: Candidate<'a>,
    /// A lighter model.
    pub lighter: Option<Candidate<'a>>,
    /// Other versions, whose stored results alone may answer.
    pub stale: Vec<Offer>,
}

impl<'a> Known<'a> {
    /// The submission as it is routed.
    pub(super) fn unrouted<'s>(self, submission: &'s Submission) -> Unrouted<'a, 's>
    where
        'a: 's,
    {
        let Self { catalog, caller, wishes, .. } = self;
        let version = wishes.version.as_deref();
        let asker = Asker { account: &caller.account, plan: &caller.plan, groups: &caller.groups, version };
        Unrouted { catalog, class: self.plan.class, asker, submission }
    }
}

impl<'a> Routed<'a> {
    /// Asks how the lanes stand, where this isolate does not know, and chooses.
    pub async fn of(known: Known<'a>, submission: &Submission) -> Result<Self, Stop> {
        let unrouted = known.unrouted(submission);
        let replaceable = !known.wishes.strict && degrades(known.catalog, known.plan);
        let statuses = Statuses::ask(known.cx, unrouted, replaceable).await;
        let refused = |model: &ModelSpec| statuses.passage(model, known.dry_run).refused();
        let (routed, broken) = match route(unrouted, refused, entropy::below) {
            // Nothing new runs on it; what is there already is still answered with.
            Err(refusal) if refusal.code == ProblemCode::ModelUnavailable => {
                (route(unrouted, whole, entropy::below)?, Some(refusal))
            }
            routed => (routed?, None),
        };
        // What is kept until it was delivered answers nobody else, and nobody else's answers for it.
        let alone = known.plan.retention.is_some_and(|retention| retention.is_once());
        let reuse = known.wishes.reuse(routed.drawn || alone);
        Ok(Self { candidates: Candidates::new(unrouted, routed, replaceable)?, statuses, broken, reuse })
    }
}

/// As breakers that nobody asks: what is stored already needs none.
pub fn whole(_: &ModelSpec) -> Option<u64> {
    None
}

impl<'a> Candidates<'a> {
    /// Unless it is `replaceable`, nothing answers in the place of what was asked for.
    pub fn new(unrouted: Unrouted<'a, '_>, routed: route::Routed<'a>, replaceable: bool) -> Result<Self, Stop> {
        let candidate = |routed| Candidate::new(unrouted, routed);
        let (stale, lighter) = if replaceable { degraded(unrouted, &routed) } else { Default::default() };
        Ok(Self {
            lighter: lighter.map(candidate).transpose()?,
            stale: stale.into_iter().map(|routed| Ok(candidate(routed)?.offer)).collect::<Result<_, Stop>>()?,
            first: candidate(routed)?,
        })
    }

    /// Whether a worker may come to run one of them, and so needs the input; `stored`: the first one's result is.
    pub fn may_run(&self, stored: bool) -> bool {
        !stored || self.lighter.is_some()
    }
}

impl<'a> Candidate<'a> {
    fn new(unrouted: Unrouted<'a, '_>, routed: route::Routed<'a>) -> Result<Self, Stop> {
        let model = routed.model;
        let offer = Offer {
            digest: digest(model, unrouted.asker.account, &routed.parameters, &unrouted.submission.input),
            model: model.name.clone(),
            version: model.version.clone(),
            parameters: serde_json::to_string(&routed.parameters).map_err(|error| Stop::broken(error.to_string()))?,
            lane: routed.lane,
            cost_ms: model.predicted_cost_ms(&routed.parameters).ceil() as u64,
            shared: model.shareable,
        };
        Ok(Self { routed, offer })
    }
}

/// How the lanes stand that a submission may end in.
pub struct Statuses<'c> {
    cx: &'c Cx,
    catalog: &'c Catalog,
    class: PlanClass,
    lanes: BTreeMap<Lane, Rc<LaneStatus>>,
}

impl<'c> Statuses<'c> {
    /// Of the lanes of every version that answers to the name, and of the lighter model where that may.
    pub async fn ask(cx: &'c Cx, unrouted: Unrouted<'c, '_>, replaceable: bool) -> Self {
        let Unrouted { catalog, class, .. } = unrouted;
        let mut lanes = BTreeMap::new();
        let Some((name, serving)) = catalog.served_name(&unrouted.submission.model) else {
            return Self { cx, catalog, class, lanes };
        };
        let versions = catalog.models.iter().filter(|model| model.name == serving.model(name));
        let lighter = serving.lighter.as_ref().filter(|_| replaceable).and_then(|name| catalog.stable_model(name));
        for work in WorkClass::ALL {
            let may_end = versions.clone().chain(lighter).any(|model| model.work == work);
            // One lane may take both kinds.
            if let Some(lane) = catalog.lane_of(class, work).filter(|lane| may_end && !lanes.contains_key(lane)) {
                lanes.insert(lane, lanes::status(cx, lane).await);
            }
        }
        Self { cx, catalog, class, lanes }
    }

    /// Whether the breaker of a model version lets a submission through. A dry run looks and takes no probe.
    pub fn passage(&self, model: &ModelSpec, dry_run: bool) -> Passage {
        // What no lane takes is refused when it is routed.
        let Some(lane) = self.catalog.lane_of(self.class, model.work) else { return Passage::Free };
        if dry_run {
            return match self.of_lane(lane).breaker(&model.name, &model.version) {
                BreakerState::Open { until_ms } => {
                    Passage::Refused { retry_after_ms: until_ms.saturating_sub(self.cx.now_ms).max(1) }
                }
                _ => Passage::Free,
            };
        }
        lanes::pass(lane, &model.name, &model.version, entropy::unit(), self.cx.now_ms)
    }

    /// How a lane stands.
    pub fn of_lane(&self, lane: Lane) -> Rc<LaneStatus> {
        self.lanes.get(&lane).cloned().unwrap_or_else(|| Rc::new(LaneStatus::unknown(self.cx.now_ms)))
    }
}

#[cfg(test)]
mod tests {
    use forebay_contract::{Input, MediaType, PlanClass, catalog::Catalog};
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn a_stored_result_spares_the_input_only_where_nothing_can_run_in_its_place() {
        let model = |name: &str| {
            json!({"name": name, "version": "1", "task": "t", "title": "t", "licence": "MIT", "work": "heavy",
                "cost_ms": 1.0, "input": {"kind": "text", "max_bytes": 100}, "parameters": {}})
        };
        let json = json!({
            "models": [model("best"), model("light")],
            "serving": {"best": {"version": "1", "lighter": "light"}, "light": {"version": "1"}},
            "plans": {"free": {"class": "free", "limits": []}},
        });
        let catalog = Catalog::from_json(&json.to_string()).unwrap();
        for (asked, replaceable, stored, expect) in [
            ("best", true, false, true),
            ("best", true, true, true),
            ("best", false, true, false),
            ("best", false, false, true),
            ("light", true, true, false),
            ("light", true, false, true),
        ] {
            let submission = Submission {
                model: asked.to_owned(),
                input: Input { media_type: MediaType::PlainText, bytes: b"hi".to_vec() },
                parameters: Map::new(),
                deadline: None,
                not_before: None,
            };
            let asker = Asker { account: "a", plan: "free", groups: &[], version: None };
            let unrouted = Unrouted { catalog: &catalog, class: PlanClass::FREE, asker, submission: &submission };
            let routed = route(unrouted, |_| None, |_| 0).unwrap();
            let candidates = Candidates::new(unrouted, routed, replaceable).unwrap();
            assert_eq!(candidates.may_run(stored), expect, "{asked} {replaceable} {stored}");
        }
    }
}
