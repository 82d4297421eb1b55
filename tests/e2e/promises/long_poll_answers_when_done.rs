//! A waiting client is answered when the job ends, whichever way it waits.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    client::{Request, id},
    stack::Hall,
};

pub fn check(hall: &Hall) -> Result<()> {
    let client = hall.shared()?.client("long_poll_answers_when_done")?;

    // Prefer: wait — the submission itself waits.
    let body = serde_json::to_vec(&json!({"model": "all-minilm-l6-v2", "input": {"text": "Wait for me."}}))?;
    let headers = [("content-type", "application/json"), ("prefer", "wait=60")];
    let path = "/v1/jobs";
    let answer = client.send(&Request { method: "POST", path, headers: &headers, body: Some(&body) })?.expect(200)?;
    ensure!(answer.must("preference-applied")?.starts_with("wait"), "{answer:?}");
    ensure!(answer.json()?["status"] == "succeeded", "{:?}", answer.json());

    // ?wait — one request, one answer, and the job is done; its timeline only moves forward.
    let job = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": "And for me."}}))?;
    let job = client.get(&format!("/v1/jobs/{}?wait=60", id(&job)?))?.expect(200)?.json()?;
    ensure!(job["status"] == "succeeded", "{job}");
    let times = ["accepted_ms", "sent_ms", "started_ms", "finished_ms"].map(|name| job["timeline"][name].as_u64());
    ensure!(times.iter().all(Option::is_some) && times.is_sorted(), "{job}");

    // The result of a job that is not done says when to come back.
    let job = client.accepted(&json!({"model": "dcgan-faces", "parameters": {"count": 64}}))?;
    let early = client.get(&format!("/v1/jobs/{}/result", id(&job)?))?;
    ensure!(early.status == 200 || early.must("retry-after")?.parse::<u32>()? >= 1, "{early:?}");
    Ok(())
}
