use forebay_contract::{
    Digest, JobState, Lane, Problem,
    catalog::{LaneSpec, LimitSpec},
};
use forebay_limits::policy::LimitStatus;
use serde::Serialize;

use super::candidates::Candidate;
use forebay_account::{Job, SubmitCall};
use forebay_admission::{
    Refusal,
    lane::{
        LaneStatus,
        position::{self, Estimate, QueuedJob},
        shed::predicted_finish_ms,
    },
    start::enters_ms,
    version::Because,
};

/// What a submission would come to.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Plan"))]
pub struct Foreseen<'a> {
    decision: Decision,
    model: &'a str,
    version: &'a str,
    /// Why this version.
    because: Because,
    lane: Lane,
    /// What the limits that count cost would count.
    cost_ms: u64,
    digest: Digest,
    /// What the plan's own rates are multiplied by while the lane is full.
    multiplier: f64,
    queue: Queue,
    limits: Vec<Spending>,
    /// How long limits would keep it waiting, where they would.
    wait: Option<Turn>,
    /// Why it would be refused.
    problem: Option<Problem>,
    /// What would answer instead.
    #[cfg_attr(test, schemars(with = "Option<forebay_account::Degraded>"))]
    degraded: Option<&'static str>,
}

#[derive(Serialize, Clone, Copy)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum Decision {
    Undecided,
    Accept,
    /// Limits would keep it waiting inside the request.
    Wait,
    Join,
    Cached,
    Refuse,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Backlog"))]
struct Queue {
    backlog_ms: u64,
    jobs: u64,
    predicted_finish_ms: u64,
    /// Where it would stand, and when it would be done.
    #[serde(flatten)]
    place: position::QueuePosition,
}

/// A wait for a limit.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Turn {
    /// Milliseconds until it passes, after all who wait already.
    pub expected_ms: u64,
    /// Milliseconds after which it would be refused.
    pub most_ms: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Spending {
    name: String,
    /// What it would count.
    spends: u64,
    /// What would be left; `null` for limits that many accounts share.
    remaining: Option<u64>,
}

impl<'a> Foreseen<'a> {
    /// Before the limits are asked.
    pub fn new(
        call: &SubmitCall,
        candidate: &'a Candidate<'_>,
        status: &LaneStatus,
        lane: &LaneSpec,
        now_ms: u64,
    ) -> Self {
        let offer = &candidate.offer;
        let enters_ms = enters_ms(call.timing.not_before_ms, now_ms);
        let limits = call.policy.limits.iter().chain(&call.policy.common);
        Self {
            decision: Decision::Undecided,
            model: &offer.model,
            version: &offer.version,
            because: candidate.routed.because,
            lane: offer.lane,
            cost_ms: offer.cost_ms,
            digest: offer.digest,
            multiplier: call.policy.multiplier,
            queue: Queue {
                backlog_ms: status.backlog_ms.max(0.0) as u64,
                jobs: status.open_jobs,
                predicted_finish_ms: predicted_finish_ms(status, offer.cost_ms as f64, lane, enters_ms),
                place: Estimate { status, spec: lane }.queue(QueuedJob {
                    cost_ms: offer.cost_ms as f64,
                    delay_ms: enters_ms.saturating_sub(now_ms),
                    ..QueuedJob::default()
                }),
            },
            limits: limits.map(|limit| spending(limit, offer.cost_ms)).collect(),
            wait: None,
            problem: None,
            degraded: None,
        }
    }

    /// It would be accepted.
    pub fn admitted(mut self, job: &Job, joined: bool, standings: &[LimitStatus]) -> Self {
        self.decision = match (job.state == JobState::Succeeded, joined) {
            (true, _) => Decision::Cached,
            (false, true) => Decision::Join,
            (false, false) => Decision::Accept,
        };
        self.degraded = job.degraded.map(forebay_account::Degraded::name);
        self.standing(standings)
    }

    /// It would wait for its turn and then be accepted.
    pub fn waits(self, turn: Turn) -> Self {
        Self { decision: Decision::Wait, wait: Some(turn), ..self }
    }

    /// How the caller would stand with its own limits.
    pub fn standing(mut self, standings: &[LimitStatus]) -> Self {
        for spending in &mut self.limits {
            let standing = standings.iter().find(|standing| standing.name == spending.name);
            spending.remaining = standing.map(|standing| standing.remaining);
        }
        self
    }

    /// It would be refused.
    pub fn refused(mut self, refusal: &Refusal) -> Self {
        self.decision = Decision::Refuse;
        self.problem = Some(refusal.problem());
        self
    }
}

fn spending(limit: &LimitSpec, cost_ms: u64) -> Spending {
    let spends = match limit.unit {
        forebay_contract::catalog::Unit::Requests => 1,
        forebay_contract::catalog::Unit::Cost => cost_ms.max(1),
    };
    Spending { name: limit.name.clone(), spends, remaining: None }
}
