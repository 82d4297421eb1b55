//! How lanes stand: the isolate's memory of them, and calls of Lane objects.

use std::{pin::pin, rc::Rc, time::Duration};

use forebay_contract::{Lane, catalog::LimitSpec};
use forebay_limits::{Level, lending::Scope};
use futures_util::future::{Either, select};
use worker::{Delay, Env};

use super::ask::{Class, ask_object};
use crate::{
    cx::Cx,
    isolate,
    runtime::{log_line, now_ms},
};
use forebay_account::{Asked, LaneCall, asked_lane};
use forebay_admission::lane::{
    LaneStatus, ModelVersion,
    remembered::{Passage, Recall, Remembered},
};

/// A request waits no longer than this for a lane's status, in milliseconds: admission goes on without it.
const PATIENCE_MS: u64 = 500;
/// What is about lanes alone waits no longer than this, in milliseconds.
const MOST_MS: u64 = 5_000;

/// How a lane stands, as far as this isolate knows: at most ten seconds old, and nearly always without a call. When the
/// lane cannot be reached nothing is known of it, and everything may pass.
pub async fn status(cx: &Cx, lane: Lane) -> Rc<LaneStatus> {
    let recall = || with(lane, |remembered| remembered.recall(cx.now_ms));
    match recall() {
        Recall::Use(status) => status,
        Recall::UseAndFetch(status) => {
            let wanted = with(lane, |remembered| remembered.fetch_begins(cx.now_ms));
            cx.asks();
            cx.context.wait_until(fetch(cx.env.clone(), lane, wanted, cx.now_ms));
            status
        }
        Recall::Fetch => {
            let wanted = with(lane, |remembered| remembered.fetch_begins(cx.now_ms));
            cx.asks();
            fetch(cx.env.clone(), lane, wanted, cx.now_ms).await;
            match recall() {
                Recall::Use(status) | Recall::UseAndFetch(status) => status,
                Recall::Fetch => Rc::new(LaneStatus::unknown(cx.now_ms)),
            }
        }
    }
}

/// How a lane stands as far as this isolate knows, asking nobody.
pub fn remembered(lane: Lane, now_ms: u64) -> Rc<LaneStatus> {
    match with(lane, |remembered| remembered.recall(now_ms)) {
        Recall::Use(status) | Recall::UseAndFetch(status) => status,
        Recall::Fetch => Rc::new(LaneStatus::unknown(now_ms)),
    }
}

/// How a lane stands, asked now. Takes no probes.
pub async fn ask(cx: &Cx, lane: Lane) -> Result<LaneStatus, String> {
    cx.asks();
    call(&cx.env, lane.name(), asked_lane::Status(Vec::new()), MOST_MS).await
}

/// Counts a job that was just admitted into the remembered backlog, until the lane knows of it.
pub fn note_admitted(lane: Lane, cost_ms: f64) {
    with(lane, |remembered| remembered.admitted(cost_ms, now_ms()));
}

/// Whether the breaker of a model version lets one submission pass, by the remembered status; `draw` is a random number
/// in 0..1. Ask only for what will be admitted if it passes: a probe is spent by asking.
pub fn pass(lane: Lane, model: &str, version: &str, draw: f64, now_ms: u64) -> Passage {
    with(lane, |remembered| remembered.pass(model, version, draw, now_ms))
}

/// Takes back a probe that [`pass`] spent and nothing was admitted with.
pub fn hand_back(lane: Lane, model: &str, version: &str) {
    with(lane, |remembered| remembered.hand_back(model, version));
}

/// How shared limits stand, leases counted as used; one level a limit, `None` for what is not shared by leases.
pub async fn levels(cx: &Cx, scope: &Scope, limits: Vec<(String, LimitSpec)>) -> Result<Vec<Option<Level>>, String> {
    cx.asks();
    call(&cx.env, &scope.to_string(), asked_lane::Levels(limits), MOST_MS).await
}

async fn fetch(env: Env, lane: Lane, wanted: Vec<ModelVersion>, asked_ms: u64) {
    let asked = pin!(call(&env, lane.name(), asked_lane::Status(wanted), MOST_MS));
    let fetched = match select(asked, Delay::from(Duration::from_millis(PATIENCE_MS))).await {
        Either::Left((fetched, _)) => fetched,
        Either::Right(_) => Err(format!("no answer in {PATIENCE_MS} ms")),
    };
    if let Err(why) = &fetched {
        complain(lane, why);
    }
    with(lane, |remembered| remembered.fetch_ended(fetched.ok(), asked_ms));
}

/// What the object of the class Lane that has this name answers within so long.
pub(super) async fn call<Answer>(
    env: &Env,
    name: &str,
    asked: Asked<LaneCall, Answer>,
    patience_ms: u64,
) -> Result<Answer, String> {
    let broken = |error: String| format!("lane object {name}: {error}");
    let body = asked.call.encode().map_err(|error| broken(error.to_string()))?;
    let answer = ask_object(env, Class::Lane, name, &body, patience_ms).await;
    let answer = answer.map_err(|error| broken(error.to_string()))?;
    (asked.read)(&answer).map_err(|error| broken(error.to_string()))
}

fn with<T>(lane: Lane, act: impl FnOnce(&mut Remembered) -> T) -> T {
    isolate::with(|isolate| act(isolate.lanes.of(lane)))
}

fn complain(lane: Lane, why: &str) {
    if isolate::with(|isolate| isolate.lanes.complains(now_ms())) {
        log_line("lane-out-of-reach", &format!("{lane}: {why}"));
    }
}
