//! The report secret and the operator's token are changed while everything runs: no report is refused, the operator is
//! let in throughout, and in the end the old ones open nothing.

use anyhow::{Result, ensure};
use forebay_contract::{Report, SIGNATURE_HEADER, report, sign};
use serde_json::json;

use crate::{
    client::{Answer, Client, Request},
    stack::{ADMIN_TOKEN, Hall, Options, REPORT_SECRET, Stack, now_ms, words},
};

const NEW_SECRET: &str = "what reports are signed with from now on";
const NEW_TOKEN: &str = "operators-token-after-the-rotation-of-it";

pub fn check(hall: &Hall) -> Result<()> {
    let mut stack = hall.own("rotation", &Options::default())?;
    let client = stack.client("rotated_secrets_interrupt_nothing")?;
    let old_worker = stack.start_worker(&[])?;
    expect_reported(&client, 1)?;
    operator(&stack, NEW_TOKEN)?.expect_problem(401, "invalid-credentials")?;
    reported(&stack, NEW_SECRET)?.expect_problem(401, "invalid-signature")?;

    // First the edge learns the new ones beside the old ones: nobody else needs to know yet.
    stack.deploy_edge(&[
        ("REPORT_SECRET", NEW_SECRET),
        ("REPORT_SECRET_PREVIOUS", REPORT_SECRET),
        ("ADMIN_TOKEN", NEW_TOKEN),
        ("ADMIN_TOKEN_PREVIOUS", ADMIN_TOKEN),
    ])?;
    for token in [ADMIN_TOKEN, NEW_TOKEN] {
        operator(&stack, token)?.expect(200)?;
    }
    expect_reported(&client, 2)?;

    // Then workers, one by one. Those that still sign with the old secret are heard.
    stack.start_worker(&["--report-secret", NEW_SECRET])?;
    for secret in [REPORT_SECRET, NEW_SECRET] {
        reported(&stack, secret)?.expect(200)?;
    }
    stack.kill_worker(old_worker)?;
    expect_reported(&client, 3)?;

    // Last the edge forgets the old ones.
    stack.deploy_edge(&[("REPORT_SECRET_PREVIOUS", ""), ("ADMIN_TOKEN_PREVIOUS", "")])?;
    operator(&stack, NEW_TOKEN)?.expect(200)?;
    operator(&stack, ADMIN_TOKEN)?.expect_problem(401, "invalid-credentials")?;
    reported(&stack, REPORT_SECRET)?.expect_problem(401, "invalid-signature")?;
    expect_reported(&client, 4)?;

    let logs = stack.logs()?;
    ensure!(!logs.contains("edge refused the report"), "a worker's report was refused on the way");
    for secret in [REPORT_SECRET, NEW_SECRET, ADMIN_TOKEN, NEW_TOKEN] {
        ensure!(!logs.contains(secret), "a log holds a secret");
    }
    Ok(())
}

/// A job is done, and the edge heard of its start: from the bucket alone it would know nothing of that.
fn expect_reported(client: &Client, n: usize) -> Result<()> {
    let job = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 7)}}))?;
    let job = client.finished(&job)?;
    ensure!(job["status"] == "succeeded" && job["timeline"]["started_ms"].is_u64(), "job {n}: {job}");
    Ok(())
}

/// What the operator is answered with this token.
fn operator(stack: &Stack, token: &str) -> Result<Answer> {
    Client::new(&stack.origin(), Some(token)).get("/v1/lanes")
}

/// What a worker is answered that signs with this secret and has nothing to say.
fn reported(stack: &Stack, secret: &str) -> Result<Answer> {
    let body = serde_json::to_vec(&Report { worker: "e2e".to_owned(), events: Vec::new() })?;
    let signature = sign(secret.as_bytes(), now_ms()?, &body);
    let headers = [("content-type", "application/json"), (SIGNATURE_HEADER, signature.as_str())];
    let request = Request { method: "POST", path: report::PATH, headers: &headers, body: Some(&body) };
    Client::new(&stack.origin(), None).send(&request)
}
