//! A client that hammers after a 429 is told again and again when to come back, which costs no object call, and is let
//! in then.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, poll},
    in_time::in_time,
    stack::{Hall, Stack},
};

pub const PLANS: &str = r#"
[plans.hasty]
class = "free"
limits = [{ name = "pace", dimension = "account", algorithm = "token-bucket", quantity = 1, window = "6s", unit = "requests" }]
"#;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.idle()?;
    let new_client = |tried| stack.new_client(&format!("hammering-{tried}"), "hasty");
    in_time(new_client, |client| hammers(stack, &client))
}

fn hammers(stack: &Stack, client: &Client) -> Result<()> {
    let mut seed = 0;
    let mut submit = || {
        seed += 1;
        client.submit(&json!({"model": "dcgan-faces", "parameters": {"seed": seed}}))
    };
    let passed = submit()?.expect(202)?;
    let refused = submit()?;
    let told = Instant::now() + Duration::from_secs(refused.retry_after_s()?);
    let mut hammered: Vec<Answer> = Vec::new();
    let let_in = loop {
        let asked = Instant::now();
        let answer = submit()?;
        if answer.status == 202 {
            break answer;
        }
        ensure!(asked < told, "refused after the time that was told: {answer:?}");
        answer.expect_limited(&["pace"])?;
        hammered.push(answer);
    };
    ensure!(hammered.len() > 10, "{} refusals in six seconds", hammered.len());
    let waits = hammered.iter().map(Answer::retry_after_s).collect::<Result<Vec<_>>>()?;
    ensure!(waits.is_sorted_by(|one, next| one >= next), "{waits:?}");
    ensure!(waits.first() > waits.last() && waits.last() == Some(&1), "{waits:?}");

    // An object decided what was let in and what was refused first.
    for asked in [&passed, &refused, &let_in] {
        ensure!(objects(stack, asked)? >= 1, "{asked:?}");
    }
    // It may be asked again in the last moment: nobody is refused unheard for longer than it said.
    let costs = hammered.iter().map(|answer| objects(stack, answer)).collect::<Result<Vec<_>>>()?;
    let until_last = waits.iter().zip(&costs).filter(|(wait_s, _)| **wait_s > 1);
    ensure!(until_last.clone().count() > 10 && until_last.map(|(_, cost)| cost).sum::<u64>() == 0, "{costs:?}");
    ensure!(costs.iter().sum::<u64>() <= 4, "{costs:?}");
    Ok(())
}

/// How many calls of objects a request cost, by its line in the log.
fn objects(stack: &Stack, answer: &Answer) -> Result<u64> {
    let id = answer.must("x-request-id")?;
    let line: Value = poll("the request is in the log", || {
        let log = stack.logs()?;
        let line = log.lines().find(|line| line.contains(id)).context("not there");
        Ok(line.and_then(|line| serde_json::from_str(line).context("no JSON")))
    })?;
    line["objects"].as_u64().with_context(|| format!("no objects in {line}"))
}
