//! What ended without a result is run again on request, as a new job of the same input; what has one is not.

use anyhow::{Result, ensure};
use forebay_contract::{EventKind, FailureCode};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, Request, id, poll},
    stack::{Hall, words},
};

pub fn check(hall: &Hall) -> Result<()> {
    // With a worker: the input is really there again.
    let client = hall.shared()?.client("job_is_run_again")?;
    let embed = json!({"model": "all-minilm-l6-v2", "input": {"text": "Once more, please."}});
    let unwanted = client.accepted(&embed)?;
    let canceled = client.send(&Request { method: "POST", path: &path(&unwanted, "cancel")?, ..Request::default() })?;
    if canceled.status == 202 {
        let again = retried(&client, &unwanted)?.expect(202)?.json()?;
        ensure!(again["id"] != unwanted["id"] && again["retry_of"] == unwanted["id"], "{again}");
        client.result(&again)?;
    }
    let done = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": "Done once."}}))?;
    client.result(&done)?;
    retried(&client, &done)?.expect_problem(409, "job-not-retryable")?;

    // Without one, step by step.
    let stack = hall.idle()?;
    let client = stack.new_client("retrier", "pro")?;
    let job = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(3, 9)}}))?;
    retried(&client, &job)?.expect_problem(409, "job-not-retryable")?;
    poll("the message has left", || {
        let job = client.job(&job)?;
        Ok(if job["timeline"]["sent_ms"].is_u64() { Ok(()) } else { Err(job) })
    })?;
    stack.report(&job, EventKind::Started { batch_size: 1 })?;
    stack.report(&job, EventKind::Failed { code: FailureCode::TextNotUtf8, detail: "of another text".to_owned() })?;
    let key = [("idempotency-key", "again-1")];
    let again = send(&client, &job, &key)?.expect(202)?.json()?;
    ensure!(again["status"] == "queued" && again["retry_of"] == job["id"] && again["model"] == job["model"], "{again}");
    ensure!(send(&client, &job, &key)?.json()?["id"] == again["id"], "asked again, it ran again");
    let other = retried(&client, &job)?.expect(202)?.json()?;
    ensure!(other["id"] != again["id"], "{other}");
    ensure!(client.job(&job)?["status"] == "failed");

    // Nobody else's, and nothing that is none.
    let stranger = stack.new_client("stranger-who-retries", "pro")?;
    retried(&stranger, &job)?.expect_problem(404, "job-not-found")?;
    let request = Request { method: "POST", path: "/v1/jobs/nonsense/retry", ..Request::default() };
    client.send(&request)?.expect_problem(400, "malformed-job-id")?;
    Ok(())
}

fn path(job: &Value, what: &str) -> Result<String> {
    Ok(format!("/v1/jobs/{}/{what}", id(job)?))
}

fn retried(client: &Client, job: &Value) -> Result<Answer> {
    send(client, job, &[])
}

fn send(client: &Client, job: &Value, headers: &[(&str, &str)]) -> Result<Answer> {
    client.send(&Request { method: "POST", path: &path(job, "retry")?, headers, body: None })
}
