//! What an Account object asks Lane objects.

use forebay_contract::Lane;
use forebay_limits::lending::{
    Scope,
    lease::{Answer, Ask},
};
use serde::de::DeserializeOwned;

use super::core::Core;
use crate::{
    call::table::Asked,
    lane::{LaneCall, asked_lane},
    platform::CallError,
};
use forebay_admission::lane::{LaneStatus, Tally};

/// What a Lane object takes at most to answer, in milliseconds: nobody waits longer for it. Cloudflare promises no bound.
const PATIENCE_MS: u64 = 5_000;

/// Announces to a lane what this object has open in it; how the lane stands.
pub(crate) async fn tally(core: &Core, lane: Lane, tally: Tally) -> Result<LaneStatus, CallError> {
    call(core, lane.name(), asked_lane::Tally(tally)).await
}

/// Returns and asks for leases; one answer an ask, `None` for what cannot be lent.
pub(crate) async fn lease(core: &Core, scope: &Scope, asks: Vec<Ask>) -> Result<Vec<Option<Answer>>, CallError> {
    call(core, &scope.to_string(), asked_lane::Lease(core.shard.clone(), asks)).await
}

async fn call<Answer: DeserializeOwned>(
    core: &Core,
    name: &str,
    asked: Asked<LaneCall, Answer>,
) -> Result<Answer, CallError> {
    let broken = |what: String| CallError::new(format!("lane object {name}: {what}"));
    let body = asked.call.encode().map_err(|error| broken(error.to_string()))?;
    let answer = core.platform.within(PATIENCE_MS, core.platform.ask_lane(name, &body)).await;
    let answer = answer.unwrap_or_else(|| Err(CallError::late(PATIENCE_MS)))?;
    (asked.read)(&answer).map_err(|error| broken(error.to_string()))
}
