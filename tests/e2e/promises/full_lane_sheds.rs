//! A full lane refuses new work and says when there will be room; other lanes go on, and so does it once jobs end.

use anyhow::{Result, ensure};
use forebay_contract::EventKind;
use serde_json::{Value, json};

use crate::{
    client::{Client, id, poll},
    guarded::{CAP_MS, RATE_MS, VAST_MS},
    stack::{Hall, Stack, words},
};

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.guarded()?;
    let free = stack.new_client("full-lane-free", "free")?;
    let other = stack.new_client("full-lane-other", "free")?;
    let paid = stack.new_client("full-lane-paid", "pro")?;

    // Sent again under its key it is the same job, also when nothing new is taken.
    let key = [("idempotency-key", "the-first-one")];
    let mut jobs = vec![free.submit_with(&vast(0), &key)?.expect(202)?.json()?];
    for n in 1..(CAP_MS / VAST_MS) as usize {
        jobs.push(free.accepted(&vast(n))?);
    }
    lane_is_full(stack, &free)?;
    // One job too many, at the rate that the operator expects; who submits in haste is counted twice for a moment.
    let expect_s = VAST_MS / RATE_MS;
    poll("told when there will be room", || {
        let refused = free.submit(&vast(9))?;
        let problem = refused.expect_problem(503, "lane-full")?;
        ensure!(problem["retryable"] == true, "{problem}");
        let wait_s = refused.retry_after_s()?;
        Ok(if wait_s == expect_s { Ok(()) } else { Err(wait_s) })
    })?;

    // Everybody of the lane is refused, and nobody of another one.
    other.submit(&vast(10))?.expect_problem(503, "lane-full")?;
    paid.accepted(&vast(11))?;
    other.accepted(&json!({"model": "sturdy", "input": {"text": "light work of the free plan"}}))?;

    let replayed = free.submit_with(&vast(0), &key)?.expect(202)?.json()?;
    ensure!(id(&replayed)? == id(&jobs[0])?, "sent again it became {replayed}");
    let joined = free.submit(&vast(1))?.expect(202)?.json()?;
    ensure!(id(&joined)? == id(&jobs[1])?, "the same question became {joined}");
    ensure!(free.foretold(&vast(1))?["decision"] == "join", "a dry run does not see it");
    free.submit_with(&vast(12), &[("idempotency-key", "another-one")])?.expect_problem(503, "lane-full")?;
    let foreseen = free.foretold(&vast(13))?;
    ensure!(foreseen["decision"] == "refuse" && foreseen["problem"]["code"] == "lane-full", "{foreseen}");

    // Room for each that ends, in whatever way.
    free.cancel(&jobs[0])?;
    let next = taken_again(&free, &vast(14))?;
    lane_is_full(stack, &free)?;
    free.submit(&vast(15))?.expect_problem(503, "lane-full")?;
    let done = EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 2, device_ms: 1.0 };
    stack.report(&jobs[1], done)?;
    taken_again(&other, &vast(16))?;
    free.cancel(&next)?;
    Ok(())
}

/// Returns when the lane has counted all that it takes, and the edge goes by that: until then it goes by what it let in
/// lately, and a lane that hears late of that may take one more.
fn lane_is_full(stack: &Stack, client: &Client) -> Result<()> {
    poll("the lane has counted its jobs", || {
        let lane = stack.lane("free-heavy")?;
        Ok(if lane["work_ms"].as_f64() == Some(CAP_MS as f64) { Ok(()) } else { Err(lane) })
    })?;
    poll("the edge goes by that", || {
        let foretold = client.foretold(&vast(8))?;
        Ok(if foretold["problem"]["code"] == "lane-full" { Ok(()) } else { Err(foretold) })
    })
}

fn vast(n: usize) -> Value {
    json!({"model": "vast", "input": {"text": words(n, 6)}})
}

fn taken_again(client: &Client, job: &Value) -> Result<Value> {
    poll("the lane takes jobs again", || {
        let answer = client.submit(job)?;
        Ok(if answer.status == 202 { Ok(answer.json()?) } else { Err(answer) })
    })
}
