//! What protects the backend before the limits are asked: breakers, full lanes, deadlines.

use std::{collections::BTreeMap, rc::Rc};

use forebay_contract::{
    Lane, ProblemCode, WorkClass,
    catalog::{LaneSpec, ModelSpec},
};

use crate::{
    admission::{
        Refusal, deadline,
        lane::{
            BreakerState, LaneStatus,
            place::{Lined, Waiting},
            remembered::Passage,
            shed::{predicted_finish_ms, rate, retry_after_ms},
        },
        rate_fields::retry_after,
        route::Unrouted,
    },
    cx::Cx,
    entropy, lanes,
    objects::{Offer, Promise},
};

/// How the lanes stand that a submission may end in.
pub struct Statuses<'c> {
    cx: &'c Cx,
    class: forebay_contract::PlanClass,
    lanes: BTreeMap<Lane, Rc<LaneStatus>>,
}

impl<'c> Statuses<'c> {
    /// Of the lanes of every version that answers to the name.
    pub async fn of(cx: &'c Cx, unrouted: Unrouted<'_, '_>) -> Self {
        let catalog = unrouted.catalog;
        let mut lanes = BTreeMap::new();
        let Some((name, serving)) = catalog.served_name(&unrouted.submission.model) else {
            return Self { cx, class: unrouted.class, lanes };
        };
        for work in [WorkClass::Light, WorkClass::Heavy] {
            let lane = Lane::new(unrouted.class, work);
            if catalog.models.iter().any(|model| model.name == serving.model(name) && model.work == work) {
                lanes.insert(lane, lanes::status(cx, lane).await);
            }
        }
        Self { cx, class: unrouted.class, lanes }
    }

    /// For how many milliseconds the breaker of a model version lets nothing through; `None` lets it through. A dry run
    /// looks and takes no probe.
    pub fn broken(&self, model: &ModelSpec, dry_run: bool) -> Option<u64> {
        let lane = Lane::new(self.class, model.work);
        if dry_run {
            return match self.of_lane(lane).breaker(&model.name, &model.version) {
                BreakerState::Open { until_ms } => Some(until_ms.saturating_sub(self.cx.now_ms).max(1)),
                _ => None,
            };
        }
        match lanes::pass(lane, &model.name, &model.version, entropy::unit(), self.cx.now_ms) {
            Passage::Free => None,
            Passage::Refused { retry_after_ms } => Some(retry_after_ms),
        }
    }

    /// How a lane stands.
    pub fn of_lane(&self, lane: Lane) -> Rc<LaneStatus> {
        self.lanes.get(&lane).cloned().unwrap_or_else(|| Rc::new(LaneStatus::unknown(self.cx.now_ms)))
    }
}

/// What a submission is told, if it becomes a job.
pub fn promise(status: &LaneStatus, spec: &LaneSpec, offer: &Offer) -> Promise {
    let (lined, waiting) = (Lined { status, spec }, Waiting { cost_ms: offer.cost_ms as f64, ..Waiting::default() });
    Promise { expected_ms: lined.expected_ms(waiting), eta: lined.queue(waiting).eta_ms, rate: rate(status, spec) }
}

/// Refuses what a full lane has no room for, and what would not be finished in time.
pub fn check(
    status: &LaneStatus,
    offer: &Offer,
    lane: &LaneSpec,
    deadline_ms: Option<u64>,
    now_ms: u64,
) -> Result<(), Refusal> {
    if let Some(wait_ms) = retry_after_ms(status, offer.cost_ms as f64, lane) {
        let detail = format!("the lane {} is full; it will have room in about {wait_ms} ms", offer.lane);
        return Err(Refusal::new(ProblemCode::LaneFull, detail).with_header("retry-after", retry_after(wait_ms)));
    }
    deadline::check(deadline_ms, predicted_finish_ms(status, offer.cost_ms as f64, lane, now_ms))
}
