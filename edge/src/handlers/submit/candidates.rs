//! What could run for a submission: what was asked for, and what answers in its place beyond some limits.

use forebay_contract::{InputRef, JobId, JobMessage};

use crate::cx::{Cx, Stop};
use forebay_account::Offer;
use forebay_admission::{
    caller::Caller,
    route::{Routed, Unrouted, degraded, digest},
};

/// One thing that could run.
pub struct Candidate<'a> {
    /// What the catalogue says of it.
    pub routed: Routed<'a>,
    /// The same for the Account object.
    pub offer: Offer,
}

/// All of them.
pub struct Candidates<'a> {
    /// What was asked for.
    pub first: Candidate<'a>,
    /// A lighter model.
    pub lighter: Option<Candidate<'a>>,
    /// Other versions, whose stored results alone may answer.
    pub stale: Vec<Offer>,
}

/// What a message says besides its candidate.
#[derive(Clone, Copy)]
pub struct Letter<'a> {
    pub id: JobId,
    pub cx: &'a Cx,
    pub caller: &'a Caller,
    pub input: &'a InputRef,
    pub deadline_ms: Option<u64>,
    pub traceparent: &'a Option<String>,
}

impl<'a> Candidates<'a> {
    /// Unless it is `replaceable`, nothing answers in the place of what was asked for.
    pub fn new(unrouted: Unrouted<'a, '_>, routed: Routed<'a>, replaceable: bool) -> Result<Self, Stop> {
        let candidate = |routed| Candidate::new(unrouted, routed);
        let (stale, lighter) = if replaceable { degraded(unrouted, &routed) } else { Default::default() };
        Ok(Self {
            lighter: lighter.map(candidate).transpose()?,
            stale: stale.into_iter().map(|routed| Ok(candidate(routed)?.offer)).collect::<Result<_, Stop>>()?,
            first: candidate(routed)?,
        })
    }

    /// Whether a worker may come to run one of them, and so needs the input; `known`: the first one's result is stored.
    pub fn may_run(&self, known: bool) -> bool {
        !known || self.lighter.is_some()
    }
}

impl<'a> Candidate<'a> {
    fn new(unrouted: Unrouted<'a, '_>, routed: Routed<'a>) -> Result<Self, Stop> {
        let model = routed.model;
        let offer = Offer {
            digest: digest(model, unrouted.asker.account, &routed.parameters, &unrouted.submission.input),
            model: model.name.clone(),
            version: model.version.clone(),
            parameters: serde_json::to_string(&routed.parameters).map_err(|error| Stop::broken(error.to_string()))?,
            lane: routed.lane,
            cost_ms: model.predicted_cost_ms(&routed.parameters).ceil() as u64,
        };
        Ok(Self { routed, offer })
    }

    /// The message that a worker gets when it runs.
    pub fn message(&self, letter: Letter<'_>) -> Result<String, Stop> {
        let model = self.routed.model;
        let message = JobMessage {
            job_id: letter.id,
            account: letter.caller.account.clone(),
            model: model.name.clone(),
            version: model.version.clone(),
            cost_ms: model.predicted_cost_ms(&self.routed.parameters),
            parameters: self.routed.parameters.clone(),
            input: letter.input.clone(),
            digest: self.offer.digest,
            accepted_ms: letter.cx.now_ms,
            deadline_ms: letter.deadline_ms,
            traceparent: letter.traceparent.clone(),
        };
        message.to_json().map_err(|error| Stop::broken(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use forebay_contract::{Input, MediaType, PlanClass, catalog::Catalog};
    use serde_json::{Map, json};

    use super::*;
    use forebay_admission::{Submission, route::route, version::Asker};

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
        for (asked, replaceable, known, expect) in [
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
            let unrouted = Unrouted { catalog: &catalog, class: PlanClass::Free, asker, submission: &submission };
            let routed = route(unrouted, |_| None, |_| 0).unwrap();
            let candidates = Candidates::new(unrouted, routed, replaceable).unwrap();
            assert_eq!(candidates.may_run(known), expect, "{asked} {replaceable} {known}");
        }
    }
}
