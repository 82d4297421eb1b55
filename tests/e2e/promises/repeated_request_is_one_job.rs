//! A request that is sent again under its `Idempotency-Key` is the same job, however closely together; another request
//! under the key is a mistake.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Client, Request, id, poll},
    stack::{Hall, Options, Stack, TINY_PLAN, words},
};

const AT_ONCE: usize = 16;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.own("idempotency", &Options::default())?;
    at_once_it_is_one_job(&stack)?;
    another_request_is_a_mistake(&stack)?;
    limits_do_not_stop_a_repetition(&stack)?;
    keys_have_a_form(&stack)
}

/// No seed: each request by itself would draw another one and be another job.
fn draw() -> Value {
    json!({"model": "dcgan-faces"})
}

fn at_once_it_is_one_job(stack: &Stack) -> Result<()> {
    let client = stack.client("repeated_request_is_one_job")?;
    let key = [("idempotency-key", "8e03978e-40d5-43dd-bc93-6894a57f9324")];
    let answers = std::thread::scope(|scope| {
        let submissions: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| client.submit_with(&draw(), &key))).collect();
        submissions
            .into_iter()
            .map(|submission| submission.join().ok().context("a submission panicked")?)
            .collect::<Result<Vec<_>>>()
    })?;
    let mut ids = BTreeSet::new();
    for answer in &answers {
        if answer.status == 409 {
            answer.expect_problem(409, "idempotency-in-progress")?;
            ensure!(answer.retry_after_s()? >= 1, "{answer:?}");
        } else {
            ensure!(answer.status == 202, "{answer:?}");
            ids.insert(id(&answer.json()?)?.to_owned());
        }
    }
    ensure!(ids.len() == 1, "{AT_ONCE} requests under one key became {ids:?}");
    let again = client.submit_with(&draw(), &[("idempotency-key", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"")])?;
    ensure!(ids.contains(id(&again.expect(202)?.json()?)?), "later it is another job");
    ensure!(client.used("in-flight")? == 1, "one job, but the account has more in flight");
    let sent = || stack.messages_in_lanes();
    poll("the message is in its lane", || sent().map(|count| if count > 0 { Ok(()) } else { Err(count) }))?;
    ensure!(sent()? == 1, "one job, but {} messages", sent()?);
    Ok(())
}

fn another_request_is_a_mistake(stack: &Stack) -> Result<()> {
    let client = stack.client("repeated_request_is_one_job")?;
    let embed = |n: usize| json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 5)}});
    let key = [("idempotency-key", "mistake-1")];
    let job = client.submit_with(&embed(1), &key)?.expect(202)?.json()?;
    client.submit_with(&embed(2), &key)?.expect_problem(422, "idempotency-mismatch")?;
    client.submit_with(&draw(), &key)?.expect_problem(422, "idempotency-mismatch")?;
    let other_version = [key[0], ("x-model-version", "1")];
    client.submit_with(&embed(1), &other_version)?.expect_problem(422, "idempotency-mismatch")?;
    // The same thing said as a bare body is the same request.
    let (path, headers) = ("/v1/models/all-minilm-l6-v2/jobs", [("content-type", "text/plain"), key[0]]);
    let body = words(1, 5);
    let bare = Request { method: "POST", path, headers: &headers, body: Some(body.as_bytes()) };
    ensure!(id(&client.send(&bare)?.expect(202)?.json()?)? == id(&job)?, "a bare body is another job");
    // Nobody else's key.
    let other = stack.client("somebody_else")?.submit_with(&embed(2), &key)?.expect(202)?.json()?;
    ensure!(id(&other)? != id(&job)?, "another account has the job");
    Ok(())
}

fn limits_do_not_stop_a_repetition(stack: &Stack) -> Result<()> {
    let client = stack.new_client("tiny-and-idempotent", TINY_PLAN)?;
    let key = |n: usize| format!("tiny-{n}");
    let submit = |client: &Client, key: &str| client.submit_with(&draw(), &[("idempotency-key", key)]);
    let jobs = (0..3).map(|n| submit(&client, &key(n))?.expect(202)?.json()).collect::<Result<Vec<_>>>()?;
    submit(&client, &key(3))?.expect_problem(429, "rate-limited")?;
    client.submit(&draw())?.expect_problem(429, "rate-limited")?;
    for (n, job) in jobs.iter().enumerate() {
        ensure!(id(&submit(&client, &key(n))?.expect(202)?.json()?)? == id(job)?, "{n}: another job");
    }
    // A refusal is not kept: the key is as good as new.
    submit(&client, &key(3))?.expect_problem(429, "rate-limited")?;
    Ok(())
}

fn keys_have_a_form(stack: &Stack) -> Result<()> {
    let client = stack.client("repeated_request_is_one_job")?;
    let before = client.used("in-flight")?;
    let long = "k".repeat(256);
    for key in ["", "\"\"", "a b", "a,b", "a\\b", "\"a", &long] {
        let answer = client.submit_with(&draw(), &[("idempotency-key", key)])?;
        answer.expect_problem(400, "invalid-idempotency-key").with_context(|| format!("«{key:.20}»"))?;
    }
    ensure!(client.used("in-flight")? == before, "a bad key left a job");
    Ok(())
}
