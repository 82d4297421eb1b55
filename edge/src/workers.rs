//! When a worker was last heard of: the isolates that reports come to tell one object, and who asks, asks it.

use std::cell::Cell;

use worker::Env;

use crate::{
    cx::{Cx, log_line, now_ms},
    runtime::{Class, ask_object},
};
use forebay_account::{Asked, LaneCall, asked_lane};

/// A scope of its own: no lane and no limit has a colon at its end.
const OBJECT: &str = "workers:";
/// Nobody waits longer for it, in milliseconds.
const PATIENCE_MS: u64 = 5_000;
/// How often an isolate tells what it hears.
const TELL_MS: u64 = 30_000;

thread_local! {
    static TOLD_MS: Cell<u64> = const { Cell::new(0) };
}

/// A worker reported something: that is told behind the answer, and not again for half a minute.
pub fn note_heard(cx: &Cx) {
    if cx.now_ms.abs_diff(TOLD_MS.get()) < TELL_MS {
        return;
    }
    TOLD_MS.set(cx.now_ms);
    cx.asks();
    let env = cx.env.clone();
    cx.context.wait_until(async move {
        if let Err(error) = ask(&env, asked_lane::WorkerHeard()).await {
            log_line("worker-not-noted", &error);
        }
    });
}

/// When one was last heard of, in milliseconds since the epoch; `None` for never.
pub async fn heard_ms(cx: &Cx) -> Result<Option<u64>, String> {
    cx.asks();
    let told_ms = Some(TOLD_MS.get()).filter(|at_ms| now_ms().abs_diff(*at_ms) < TELL_MS);
    Ok(ask(&cx.env, asked_lane::LastWorker()).await?.max(told_ms))
}

async fn ask(env: &Env, asked: Asked<LaneCall, Option<u64>>) -> Result<Option<u64>, String> {
    let call = serde_json::to_string(&asked.call).map_err(|error| error.to_string())?;
    let answer = ask_object(env, Class::Lane, OBJECT, &call, PATIENCE_MS).await.map_err(|error| error.to_string())?;
    serde_json::from_str(&answer).map_err(|error| error.to_string())
}
