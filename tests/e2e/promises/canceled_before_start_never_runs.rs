//! A job that is canceled before it starts never runs, also when its message is already in the lane.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    client::{Request, id, poll},
    stack::{Hall, Options, words},
};

pub fn check(hall: &Hall) -> Result<()> {
    let mut stack = hall.own("cancel", &Options::default())?;
    let client = stack.client("canceled_before_start_never_runs")?;
    let embed = |n: usize| json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 12)}});

    // No worker yet: the message waits in the lane.
    let unwanted = client.accepted(&embed(0))?;
    poll("the message is in the lane", || {
        let job = client.job(&unwanted)?;
        Ok(if job["timeline"]["sent_ms"].is_u64() { Ok(()) } else { Err(job) })
    })?;
    let path = format!("/v1/jobs/{}/cancel", id(&unwanted)?);
    let cancel = Request { method: "POST", path: &path, ..Request::default() };
    let canceled = client.send(&cancel)?.expect(202)?.json()?;
    ensure!(canceled["status"] == "canceled", "{canceled}");

    stack.start_worker(&[])?;
    let wanted = client.accepted(&embed(1))?;
    client.result(&wanted)?;

    // The lane is drained of the canceled message too, and only the wanted job left a result.
    poll("the canceled message is gone from the lane", || {
        let left = stack.messages_in_lanes()?;
        Ok(if left == 0 { Ok(()) } else { Err(left) })
    })?;
    let stored = stack.stored_results()?;
    ensure!(stored == 1, "{stored} results are stored; the wanted job's alone should be");
    let job = client.job(&unwanted)?;
    ensure!(job["status"] == "canceled" && job["timeline"]["started_ms"].is_null(), "{job}");
    client.get(&format!("/v1/jobs/{}/result", id(&unwanted)?))?.expect_problem(409, "job-canceled")?;
    // The same wish again: its first answer may have been lost. What has its result is past calling off.
    let again = client.send(&cancel)?.expect(200)?.json()?;
    ensure!(again == job, "{again}");
    let path = format!("/v1/jobs/{}/cancel", id(&wanted)?);
    let late = Request { method: "POST", path: &path, ..Request::default() };
    client.send(&late)?.expect_problem(409, "job-not-cancelable")?;

    // Canceled is not forbidden: the same job sent anew is a new one.
    let anew = client.accepted(&embed(0))?;
    ensure!(id(&anew)? != id(&unwanted)?, "{anew}");
    client.result(&anew)?;
    Ok(())
}
