//! A client that hammers after a 429 is told again and again when to come back, which costs no object call, and is let
//! in then.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
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

/// Fewer refusals than anybody gets until the last second whose answers are all in time.
const LEAST: usize = 5;

fn hammers(stack: &Stack, client: &Client) -> Result<()> {
    let mut seed = 0;
    let mut submit = || {
        seed += 1;
        client.submit(&json!({"model": "dcgan-faces", "parameters": {"seed": seed}}))
    };
    let passed = submit()?.expect(202)?;
    let refused = submit()?;
    let allowed_from = Instant::now() + Duration::from_secs(refused.retry_after_s()?);
    let mut hammered: Vec<Answer> = Vec::new();
    let let_in = loop {
        let asked = Instant::now();
        let answer = submit()?;
        if answer.status == 202 {
            break answer;
        }
        ensure!(asked < allowed_from, "refused after the time that was named: {answer:?}");
        answer.expect_limited(&["pace"])?;
        hammered.push(answer);
    };
    ensure!(hammered.len() > LEAST, "{} refusals in six seconds", hammered.len());
    let waits = hammered.iter().map(Answer::retry_after_s).collect::<Result<Vec<_>>>()?;
    ensure!(waits.is_sorted_by(|one, next| one >= next), "{waits:?}");
    ensure!(waits.first() > waits.last() && waits.last() == Some(&1), "{waits:?}");

    // An object decided what was let in and what was refused first.
    let asked = objects(stack, [&passed, &refused, &let_in])?;
    ensure!(asked.iter().all(|calls| *calls >= 1), "{asked:?}");
    // It may be asked again in the last moment: nobody is refused unheard for longer than it said.
    let costs = objects(stack, &hammered)?;
    let until_last = waits.iter().zip(&costs).filter(|(wait_s, _)| **wait_s > 1);
    ensure!(until_last.clone().count() >= LEAST && until_last.map(|(_, cost)| cost).sum::<u64>() == 0, "{costs:?}");
    ensure!(costs.iter().sum::<u64>() <= 4, "{costs:?}");
    Ok(())
}

/// How many calls of objects each of these requests cost, by its line in the log.
fn objects<'a>(stack: &Stack, answers: impl IntoIterator<Item = &'a Answer>) -> Result<Vec<u64>> {
    let ids = answers.into_iter().map(|answer| answer.must("x-request-id")).collect::<Result<Vec<_>>>()?;
    poll("the requests are in the log", || {
        let log = stack.logs()?;
        // A line that is half written is no JSON.
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let objects_asked = |line: Value| Some((line["request_id"].as_str()?.to_owned(), line["objects"].as_u64()?));
        let calls: BTreeMap<String, u64> = lines.filter_map(objects_asked).collect();
        let calls: Option<Vec<u64>> = ids.iter().map(|id| calls.get(*id).copied()).collect();
        Ok(calls.ok_or("not all"))
    })
}
