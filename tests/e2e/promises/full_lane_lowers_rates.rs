//! While a lane fills, the rates of a plan that allows it give way, never below what the plan guarantees, and come back
//! when the lane is empty.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, poll},
    guarded::{GENTLE_RATE, GUARANTEED, VAST_MS, WIDE_CAP_MS},
    stack::Hall,
};

pub fn check(hall: &Hall) -> Result<()> {
    let client = hall.guarded()?.new_client("full_lane_lowers_rates", "gentle")?;
    let job = |n: u64| json!({"model": "vast", "input": {"text": format!("Gentle {n}")}});
    ensure!(multiplier(&client, &job(0))? == 1.0, "lowered in an empty lane");

    // Most of what the lane takes; other promises have a job in it too.
    let most = WIDE_CAP_MS / VAST_MS * 17 / 20;
    let jobs = (0..most).map(|n| taken_in_the_end(&client, &job(n))?.json()).collect::<Result<Vec<_>>>()?;
    let lowered = poll("the rates give way", || {
        let multiplier = multiplier(&client, &job(most))?;
        ensure!(multiplier >= GUARANTEED, "{multiplier} is less than what is guaranteed");
        Ok(if multiplier < 0.6 { Ok(multiplier) } else { Err(multiplier) })
    })?;

    // It is what the limits do, not only what is told: as many units as the lowered limit has.
    let last = taken_in_the_end(&client, &job(most))?;
    let policy = last.must("ratelimit-policy")?;
    let quantity = policy.split(";q=").nth(1).and_then(|rest| rest.split(';').next());
    let quantity: f64 = quantity.and_then(|quantity| quantity.parse().ok()).with_context(|| policy.to_owned())?;
    let (least, full) = (GENTLE_RATE as f64 * GUARANTEED, GENTLE_RATE as f64);
    ensure!((least..full * 0.7).contains(&quantity), "{quantity} of {full}, at a multiplier of about {lowered}");

    client.cancel(&last.json()?)?;
    for job in &jobs {
        client.cancel(job)?;
    }
    poll("the rates come back", || {
        let multiplier = multiplier(&client, &job(most))?;
        Ok(if multiplier == 1.0 { Ok(()) } else { Err(multiplier) })
    })
}

/// Who submits in haste is counted twice for a moment, until the lane says what it knows: that may look like a full one.
fn taken_in_the_end(client: &Client, job: &Value) -> Result<Answer> {
    poll("there is room for one more", || {
        let answer = client.submit(job)?;
        Ok(if answer.status == 202 { Ok(answer) } else { Err(answer) })
    })
}

/// What the plan's rates are multiplied by for this job.
fn multiplier(client: &Client, job: &Value) -> Result<f64> {
    let foretold = client.foretold(job)?;
    foretold["multiplier"].as_f64().with_context(|| format!("no multiplier in {foretold}"))
}
