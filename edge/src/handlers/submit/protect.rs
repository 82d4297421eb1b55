//! What protects the backend before the limits are asked: breakers, full lanes, deadlines.

use std::{collections::BTreeMap, rc::Rc};

use forebay_contract::{
    Lane, ProblemCode, WorkClass,
    catalog::{Catalog, LaneSpec, ModelSpec},
};

use super::candidates::Candidate;
use crate::{cx::Cx, entropy, lanes};
use forebay_account::{Offer, Promise};
use forebay_admission::{
    Refusal, deadline,
    lane::{
        BreakerState, LaneStatus,
        position::{Estimate, QueuedJob},
        remembered::Passage,
        shed::{predicted_finish_ms, rate, retry_after_ms},
    },
    rate_fields::retry_after,
    route::Unrouted,
};

/// When a job enters its lane, and by when its result is worth having, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub enters_ms: u64,
    pub deadline_ms: Option<u64>,
}

/// How the lanes stand that a submission may end in.
pub struct Statuses<'c> {
    cx: &'c Cx,
    class: forebay_contract::PlanClass,
    lanes: BTreeMap<Lane, Rc<LaneStatus>>,
}

impl<'c> Statuses<'c> {
    /// Of the lanes of every version that answers to the name, and of the lighter model where that may.
    pub async fn of(cx: &'c Cx, unrouted: Unrouted<'_, '_>, replaceable: bool) -> Self {
        let catalog = unrouted.catalog;
        let mut lanes = BTreeMap::new();
        let Some((name, serving)) = catalog.served_name(&unrouted.submission.model) else {
            return Self { cx, class: unrouted.class, lanes };
        };
        let versions = catalog.models.iter().filter(|model| model.name == serving.model(name));
        let lighter = serving.lighter.as_ref().filter(|_| replaceable).and_then(|name| catalog.stable_model(name));
        for work in [WorkClass::Light, WorkClass::Heavy] {
            let lane = Lane::new(unrouted.class, work);
            if versions.clone().chain(lighter).any(|model| model.work == work) {
                lanes.insert(lane, lanes::status(cx, lane).await);
            }
        }
        Self { cx, class: unrouted.class, lanes }
    }

    /// Whether the breaker of a model version lets a submission through. A dry run looks and takes no probe.
    pub fn passage(&self, model: &ModelSpec, dry_run: bool) -> Passage {
        let lane = Lane::new(self.class, model.work);
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

    /// Whether a candidate is let in, and how: its lane must have room for it, it must be done in time, and its breaker
    /// must let it through. That is asked last: a probe is spent by asking.
    pub fn lets_in(
        &self,
        candidate: &Candidate<'_>,
        catalog: &Catalog,
        times: Times,
        dry_run: bool,
    ) -> Option<Passage> {
        let lane = candidate.offer.lane;
        check(&self.of_lane(lane), &candidate.offer, &catalog.lane(lane), times).ok()?;
        Some(self.passage(candidate.routed.model, dry_run)).filter(|passage| passage.refused().is_none())
    }

    /// How a lane stands.
    pub fn of_lane(&self, lane: Lane) -> Rc<LaneStatus> {
        self.lanes.get(&lane).cloned().unwrap_or_else(|| Rc::new(LaneStatus::unknown(self.cx.now_ms)))
    }
}

/// What a submission is told, if it becomes a job.
pub fn promise(status: &LaneStatus, spec: &LaneSpec, offer: &Offer) -> Promise {
    let (lined, waiting) =
        (Estimate { status, spec }, QueuedJob { cost_ms: offer.cost_ms as f64, ..QueuedJob::default() });
    Promise { expected_ms: lined.expected_ms(waiting), eta: lined.queue(waiting).eta_ms, rate: rate(status, spec) }
}

/// Refuses what a full lane has no room for, and what would not be finished in time.
pub fn check(status: &LaneStatus, offer: &Offer, lane: &LaneSpec, times: Times) -> Result<(), Refusal> {
    if let Some(wait_ms) = retry_after_ms(status, offer.cost_ms as f64, lane) {
        let detail = format!("the lane {} is full; it will have room in about {wait_ms} ms", offer.lane);
        return Err(Refusal::new(ProblemCode::LaneFull, detail).with_header("retry-after", retry_after(wait_ms)));
    }
    deadline::check(times.deadline_ms, predicted_finish_ms(status, offer.cost_ms as f64, lane, times.enters_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_account::example::{START_MS, queued};

    #[test]
    fn a_delayed_job_needs_its_time_after_its_start() {
        let job = queued();
        let offer = Offer {
            digest: job.digest,
            model: job.model,
            version: job.version,
            parameters: job.parameters,
            lane: job.lane,
            cost_ms: 5_000,
        };
        let (status, spec) = (LaneStatus::unknown(START_MS), LaneSpec::default());
        for (enters_ms, deadline_ms, earliest_ms) in
            [(0, 4_999, Some(5_000)), (0, 5_000, None), (60_000, 64_999, Some(65_000)), (60_000, 65_000, None)]
        {
            let times = Times { enters_ms: START_MS + enters_ms, deadline_ms: Some(START_MS + deadline_ms) };
            let refused = check(&status, &offer, &spec, times).err();
            let found = refused.map(|refusal| refusal.extensions.earliest_feasible_ms);
            assert_eq!(found, earliest_ms.map(|ms| Some(START_MS + ms)), "{times:?}");
        }
    }
}
