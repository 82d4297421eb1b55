//! When a worker was last heard of: isolates announce it to one object as reports come, and who asks, asks that one.

use worker::Env;

use super::lanes;
use crate::{
    cx::Cx,
    isolate,
    runtime::{log_line, now_ms},
};
use forebay_account::{Asked, LaneCall, asked_lane};

/// A scope of its own: no lane and no limit has a colon at its end.
const OBJECT: &str = "workers:";
/// Nobody waits longer for it, in milliseconds.
const PATIENCE_MS: u64 = 5_000;

/// A worker reported something: that is announced behind the answer, and not again for half a minute.
pub fn note_heard(cx: &Cx) {
    if !isolate::with(|isolate| isolate.workers.put(cx.now_ms)) {
        return;
    }
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
    let heard_here_ms = isolate::with(|isolate| isolate.workers.get(now_ms()));
    Ok(ask(&cx.env, asked_lane::LastWorker()).await?.max(heard_here_ms))
}

async fn ask(env: &Env, asked: Asked<LaneCall, Option<u64>>) -> Result<Option<u64>, String> {
    lanes::call(env, OBJECT, asked, PATIENCE_MS).await
}
