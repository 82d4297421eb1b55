//! What protects the backend before the limits are asked: breakers, full lanes, deadlines.

use std::rc::Rc;

use forebay_contract::{ProblemCode, catalog::LaneSpec};

use super::{
    Known,
    decoded::Times,
    routed::{Candidate, Routed, Statuses},
};
use forebay_account::{Offer, Promise};
use forebay_admission::{
    Refusal, deadline,
    lane::{
        LaneStatus,
        position::{Estimate, QueuedJob},
        remembered::Passage,
        shed::{predicted_finish_ms, rate, retry_after_ms},
    },
    rate_fields::retry_after,
};

/// A submission whose lane was looked at.
pub struct Protected {
    /// How the lane stands.
    pub status: Rc<LaneStatus>,
    /// What the catalog says of it.
    pub lane: LaneSpec,
    /// When the job may start and has to end.
    pub times: Times,
    /// Why nothing new is let in, where nothing is.
    pub refused: Option<Refusal>,
}

impl Protected {
    /// Looks at the lane of what was asked for.
    pub fn of(known: Known<'_>, times: Times, routed: &Routed<'_>) -> Self {
        let offer = &routed.candidates.first.offer;
        let (status, lane) = (routed.statuses.of_lane(offer.lane), known.catalog.lane(offer.lane));
        let full = check(&status, offer, &lane, times, known.cx.now_ms).err();
        Self { status, lane, times, refused: routed.broken.clone().or(full) }
    }

    /// Whether what would run in the place of the first is let in, and how: its lane must have room for it, it must be
    /// done in time, and its breaker must let it through. That is asked last: a probe is spent by asking.
    pub fn lets_in(&self, known: Known<'_>, statuses: &Statuses<'_>, candidate: &Candidate<'_>) -> Option<Passage> {
        let lane = candidate.offer.lane;
        let spec = known.catalog.lane(lane);
        check(&statuses.of_lane(lane), &candidate.offer, &spec, self.times, known.cx.now_ms).ok()?;
        let passage = statuses.passage(candidate.routed.model, known.dry_run);
        Some(passage).filter(|passage| passage.refused().is_none())
    }
}

/// What the caller is promised, if a submission becomes a job.
pub fn promise(status: &LaneStatus, spec: &LaneSpec, offer: &Offer) -> Promise {
    let (lined, waiting) =
        (Estimate { status, spec }, QueuedJob { cost_ms: offer.cost_ms as f64, ..QueuedJob::default() });
    Promise { expected_ms: lined.expected_ms(waiting), eta: lined.queue(waiting).eta_ms, rate: rate(status, spec) }
}

/// Refuses what a full lane has no room for, and what would not be finished in time.
pub fn check(status: &LaneStatus, offer: &Offer, lane: &LaneSpec, times: Times, now_ms: u64) -> Result<(), Refusal> {
    if let Some(wait_ms) = retry_after_ms(status, offer.cost_ms as f64, lane) {
        let detail = format!("the lane {} is full; it will have room in about {wait_ms} ms", offer.lane);
        return Err(Refusal::new(ProblemCode::LaneFull, detail).with_header("retry-after", retry_after(wait_ms)));
    }
    let finish_ms = predicted_finish_ms(status, offer.cost_ms as f64, lane, times.enters_ms(now_ms));
    deadline::check(times.deadline_ms, finish_ms)
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
            shared: false,
        };
        let (status, spec) = (LaneStatus::unknown(START_MS), LaneSpec::default());
        for (delay_ms, deadline_ms, earliest_ms) in [
            (None, 4_999, Some(5_000)),
            (None, 5_000, None),
            (Some(60_000), 64_999, Some(65_000)),
            (Some(60_000), 65_000, None),
        ] {
            let not_before_ms = delay_ms.map(|delay_ms| START_MS + delay_ms);
            let times = Times { not_before_ms, deadline_ms: Some(START_MS + deadline_ms) };
            let refused = check(&status, &offer, &spec, times, START_MS).err();
            let found = refused.map(|refusal| refusal.extensions.earliest_feasible_ms);
            assert_eq!(found, earliest_ms.map(|ms| Some(START_MS + ms)), "{times:?}");
        }
    }
}
