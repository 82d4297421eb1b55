//! `GET /v1/lanes` and `GET /internal/v1/lanes`: how every lane stands, for the operator.

use forebay_contract::Lane;
use futures_util::future::join_all;
use serde::Serialize;

use super::operator;
use crate::{
    cx::Cx,
    http::{Answer, Stop, Target, answer},
    isolate::catalog,
    objects::lanes,
    runtime::log_line,
};
use forebay_admission::{
    lane::{
        BreakerStatus, LaneStatus,
        position::{Estimate, Eta, QueuedJob},
        shed::multiplier,
        wait::{EtaError, Spread},
    },
    query,
};

/// Every lane.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Lanes"))]
pub struct Listing {
    lanes: Vec<Row>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "LaneRow"))]
struct Row {
    lane: Lane,
    /// Whether the lane's object answered; else nothing is known of it.
    reachable: bool,
    /// Jobs that have not started.
    depth: u64,
    /// Jobs that have not ended.
    jobs: u64,
    /// Predicted device milliseconds of those.
    work_ms: f64,
    /// The same beyond which submissions are refused.
    capacity_ms: u64,
    /// Device milliseconds a second; null until it was measured.
    rate: Option<f64>,
    /// Of a job that came now and cost nothing.
    eta_ms: Eta,
    /// What estimates are multiplied with.
    spread: Spread,
    /// How past estimates went; null before the first job ended.
    eta_error: Option<EtaError>,
    /// What the rates of a plan without a guarantee are multiplied with.
    multiplier: f64,
    /// Those that are not closed.
    breakers: Vec<BreakerStatus>,
}

/// Asks each lane.
pub async fn get(cx: &Cx, target: &Target) -> Result<Answer, Stop> {
    operator::check(cx)?;
    query::none(&target.query)?;
    let catalog = catalog::current(cx).await?;
    let asked = catalog.lanes.iter().map(|(lane, spec)| async move { (*lane, spec, lanes::ask(cx, *lane).await) });
    let mut rows = Vec::new();
    for (lane, spec, status) in join_all(asked).await {
        let reachable = status.is_ok();
        let status = status.unwrap_or_else(|error| {
            log_line("lane-out-of-reach", &error);
            LaneStatus::unknown(cx.now_ms)
        });
        let queue = Estimate { status: &status, spec }.queue(QueuedJob::default());
        rows.push(Row {
            lane,
            reachable,
            depth: status.queued_jobs,
            jobs: status.open_jobs,
            work_ms: status.backlog_ms,
            capacity_ms: spec.backlog_ms,
            rate: status.rate,
            eta_ms: queue.eta_ms,
            spread: status.spread,
            eta_error: status.eta_error,
            multiplier: multiplier(&status, spec, 0.0),
            breakers: status.breakers,
        });
    }
    answer::json(200, &Listing { lanes: rows }, Vec::new())
}
