//! A limit that many accounts share holds for all of them together, however closely they submit; what one of them took
//! in advance and did not use, others get.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, poll},
    stack::{Hall, Infra, Options, Stack},
    whole_day::begins_clear_of_midnight,
};

const PLANS: &str = r#"
limits = [{ name = "everybody", dimension = "global", algorithm = "fixed-window", quantity = 40, window = "month", unit = "requests" }]

[plans.pro]
class = "paid"
limits = []

[plans.of-model]
class = "free"
limits = [{ name = "model", dimension = "model", algorithm = "fixed-window", quantity = 3, window = "month", unit = "requests" }]

[plans.of-lane]
class = "free"
limits = [{ name = "lane", dimension = "lane", algorithm = "fixed-window", quantity = 3, window = "month", unit = "requests" }]
"#;

const EVERYBODY: u64 = 40;
/// A twentieth of the limit is lent at a time.
const BLOCK: u64 = 2;
/// What is lent and not used comes back after at most so long.
const LEASE: Duration = Duration::from_secs(5);

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    let stack =
        hall.own("everybody", &Options { plans: Some(PLANS.to_owned()), infra: Infra::Common, ..Options::default() })?;
    let watcher = stack.new_client("watcher", "pro")?;

    for (plan, limit) in [("of-model", "model"), ("of-lane", "lane")] {
        three_pass_together(&stack, plan, limit)?;
    }
    // Three faces and a text each. What was lent along for those that were refused comes back.
    used_becomes(&watcher, 8)?;

    // As many accounts as there are blocks: all is lent when half of it is used.
    let takers = clients(&stack, "taker", "pro", (EVERYBODY - 8) / BLOCK)?;
    let late = stack.new_client("late", "pro")?;
    let lent = Instant::now();
    let answers = all_at_once(&takers, |client| client.submit(&face(1)))?;
    ensure!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    let mut admitted = 8 + takers.len() as u64;
    let refused = late.submit(&face(1))?;
    if refused.status == 202 && lent.elapsed() > LEASE {
        // On a machine so slow, what the first of them did not use has come back already.
        admitted += 1;
    } else {
        refused.expect_limited(&["everybody"])?;
        ensure!(refused.retry_after_s()? > 0, "{refused:?}");
    }

    // They stopped there, and the rest of their blocks comes back.
    used_becomes(&watcher, admitted)?;
    poll("the rest of a block is there for another", || {
        let answer = late.submit(&face(2))?;
        if answer.status == 202 { Ok(Ok(())) } else { Ok(Err(answer.expect_limited(&["everybody"])?)) }
    })?;
    flood(&stack, &watcher, admitted + 1)
}

/// Two accounts of a plan, four submissions each, all at once.
fn three_pass_together(stack: &Stack, plan: &str, limit: &str) -> Result<()> {
    let both = clients(stack, plan, plan, 2)?;
    let eight: Vec<(&Client, u64)> = both.iter().flat_map(|client| (0..4).map(move |seed| (client, seed))).collect();
    let answers = all_at_once(&eight, |(client, seed)| client.submit(&face(*seed)))?;
    let mut passed = 0;
    for answer in &answers {
        if answer.status == 202 {
            passed += 1;
        } else {
            let problem = answer.expect_limited(&[limit])?;
            ensure!(problem["admitting_plans"].is_array(), "{problem}");
        }
    }
    ensure!(passed == 3, "{passed} passed a limit of three: {answers:?}");
    // Another model, which waits in another lane.
    both[0].accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": plan}}))?;
    Ok(())
}

/// Many accounts submit until all is used.
fn flood(stack: &Stack, watcher: &Client, mut admitted: u64) -> Result<()> {
    let many = clients(stack, "many", "pro", 8)?;
    let mut seed = 1;
    poll("everything is used", || {
        seed += 1;
        let answers = all_at_once(&many, |client| client.submit(&face(seed)))?;
        for answer in &answers {
            if answer.status == 202 {
                admitted += 1;
            } else {
                answer.expect_limited(&["everybody"])?;
            }
        }
        ensure!(admitted <= EVERYBODY, "{admitted} passed a limit of {EVERYBODY}");
        Ok(if admitted == EVERYBODY { Ok(()) } else { Err(admitted) })
    })?;
    used_becomes(watcher, EVERYBODY)?;
    for client in &many {
        client.submit(&face(0))?.expect_limited(&["everybody"])?;
    }
    Ok(())
}

/// What is lent counts as used; once nothing is, what is left is what was admitted.
fn used_becomes(watcher: &Client, admitted: u64) -> Result<()> {
    poll("the quota says what was admitted", || {
        let limit = watcher.limit("everybody")?;
        let used = limit["used"].as_u64().context("no used")?;
        ensure!(used >= admitted && used <= EVERYBODY, "{used} are used after {admitted} were admitted");
        ensure!(limit["remaining"] == EVERYBODY - used && limit["scope"] == "global", "{limit}");
        Ok(if used == admitted { Ok(()) } else { Err(used) })
    })
}

fn clients(stack: &Stack, name: &str, plan: &str, count: u64) -> Result<Vec<Client>> {
    (0..count).map(|n| stack.new_client(&format!("{name}-{n}"), plan)).collect()
}

fn all_at_once<One: Sync>(ones: &[One], ask: impl Fn(&One) -> Result<Answer> + Sync) -> Result<Vec<Answer>> {
    let ask = &ask;
    std::thread::scope(|scope| {
        let asked: Vec<_> = ones.iter().map(|one| scope.spawn(move || ask(one))).collect();
        asked.into_iter().map(|answer| answer.join().ok().context("a submission panicked")?).collect()
    })
}

fn face(seed: u64) -> Value {
    json!({"model": "dcgan-faces", "parameters": {"seed": seed}})
}
