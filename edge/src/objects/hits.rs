//! Answers that this isolate gave by itself: gathered for a while, then sent to their accounts' objects, for usage.
//!
//! An isolate that ends meanwhile takes a few seconds of them along; they cost nobody anything.

use std::time::Duration;

use forebay_contract::ShardKey;
use worker::{Delay, Env};

use super::client::count_hits;
use crate::{cx::Cx, isolate, runtime::log_line};
use forebay_account::{Job, UsageRow};

/// How long they are gathered.
const GATHER_MS: u64 = 5_000;

/// Counts an answer that a stored result of `job` gave to the account of `shard`.
pub fn count(cx: &Cx, shard: ShardKey, job: &Job) {
    let row = UsageRow::hit(job, cx.now_ms);
    if isolate::with(|isolate| isolate.hits.put(shard.to_string(), row, cx.now_ms)) {
        let env = cx.env.clone();
        cx.context.wait_until(async move {
            Delay::from(Duration::from_millis(GATHER_MS)).await;
            send(&env).await;
        });
    }
}

async fn send(env: &Env) {
    for (shard, rows) in isolate::with(|isolate| isolate.hits.take()) {
        if let Err(error) = count_hits(env, &shard, rows).await {
            log_line("hits-not-counted", &error);
        }
    }
}
