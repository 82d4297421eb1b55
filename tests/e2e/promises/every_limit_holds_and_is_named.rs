//! Many limits hold at once: the one that refuses is named, with when to come back and which plan has more room.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, Request, refused_until_midnight},
    stack::{Hall, Stack},
    whole_day::begins_clear_of_midnight,
};

pub const PLANS: &str = r#"
[plans.several]
class = "free"
limits = [
  { name = "burst", dimension = "account", algorithm = "sliding-log", quantity = 6, window = "1h", unit = "requests" },
  { name = "daily", dimension = "account", algorithm = "fixed-window", quantity = 300, window = "day", unit = "cost" },
  { name = "open", dimension = "account", algorithm = "in-flight", quantity = 3, unit = "requests" },
]

[plans.several-wider]
class = "free"
limits = [
  { name = "burst", dimension = "account", algorithm = "sliding-log", quantity = 7, window = "1h", unit = "requests" },
  { name = "daily", dimension = "account", algorithm = "fixed-window", quantity = 310, window = "day", unit = "cost" },
  { name = "open", dimension = "account", algorithm = "in-flight", quantity = 4, unit = "requests" },
]

[plans.by-key]
class = "free"
limits = [{ name = "each-key", dimension = "key", algorithm = "token-bucket", quantity = 2, window = "1h", unit = "requests" }]

[plans.by-address]
class = "free"
limits = [{ name = "each-address", dimension = "ip", algorithm = "token-bucket", quantity = 2, window = "1h", unit = "requests" }]

[plans.by-endpoint]
class = "free"
limits = [{ name = "each-endpoint", dimension = "endpoint", algorithm = "token-bucket", quantity = 2, window = "1h", unit = "requests" }]
"#;

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    let stack = hall.idle()?;
    jobs_in_flight_are_capped_until_one_is_called_off(stack)?;
    costs_are_counted_until_midnight(stack)?;
    what_never_passes_is_not_asked_to_come_back(stack)?;
    keys_of_one_account_count_apart(stack)?;
    addresses_of_one_account_count_apart(stack)?;
    endpoints_of_one_account_count_apart(stack)
}

/// Fifteen device milliseconds for each face.
fn faces(seed: u64, count: u64) -> Value {
    json!({"model": "dcgan-faces", "parameters": {"seed": seed, "count": count}})
}

fn jobs_in_flight_are_capped_until_one_is_called_off(stack: &Stack) -> Result<()> {
    let client = stack.new_client("several-a", "several")?;
    let mut jobs = Vec::new();
    for n in 0..3 {
        let answer = client.submit(&faces(n, 1))?.expect(202)?;
        ensure!(answer.must("ratelimit-policy")? == r#""burst";q=6;w=3600, "daily";q=300;w=86400, "open";q=3"#);
        let named: Vec<&str> = answer.must("ratelimit")?.split(", ").collect();
        let expect = [format!("\"burst\";r={}", 5 - n), format!("\"daily\";r={}", 285 - 15 * n)];
        ensure!(named[0].starts_with(&expect[0]) && named[1].starts_with(&expect[1]), "{named:?}");
        ensure!(named[2] == format!("\"open\";r={}", 2 - n), "{named:?}");
        jobs.push(answer.json()?);
    }
    let refused = client.submit(&faces(3, 1))?;
    let problem = refused.expect_limited(&["open"])?;
    ensure!(refused.retry_after_s()? == 1 && problem["retryable"] == true, "{refused:?}");
    let plans = problem["admitting_plans"].as_array().cloned().unwrap_or_default();
    ensure!(plans.contains(&json!("several-wider")) && !plans.contains(&json!("several")), "{problem}");
    ensure!(!plans.contains(&json!("anonymous")) || plans.contains(&json!("free")), "{problem}");

    // The same job again opens none.
    ensure!(client.accepted(&faces(2, 1))?["id"] == jobs[2]["id"]);

    client.cancel(&jobs[0])?;
    client.accepted(&faces(3, 1))?;
    // A refusal by one limit counts against no other.
    client.submit(&faces(4, 1))?.expect_limited(&["open"])?;
    client.cancel(&jobs[1])?;
    client.accepted(&faces(4, 1))?;
    client.submit(&faces(5, 1))?.expect_limited(&["burst", "open"])?;
    Ok(())
}

fn costs_are_counted_until_midnight(stack: &Stack) -> Result<()> {
    let client = stack.new_client("several-b", "several")?;
    client.accepted(&faces(1, 19))?;
    let refused = refused_until_midnight(|| client.submit(&faces(2, 2)))?;
    refused.expect_limited(&["daily"])?;
    ensure!(refused.must("ratelimit")?.contains("\"daily\";r=15;t="), "{refused:?}");
    // What is smaller still passes.
    client.accepted(&faces(2, 1))?;
    Ok(())
}

fn what_never_passes_is_not_asked_to_come_back(stack: &Stack) -> Result<()> {
    let client = stack.new_client("several-c", "several")?;
    let refused = client.submit(&faces(1, 21))?;
    let problem = refused.expect_limited(&["daily"])?;
    ensure!(refused.header("retry-after").is_none() && problem["retryable"] == false, "{problem}");
    // Room for 310 is no room for 315.
    let plans = problem["admitting_plans"].as_array().cloned().unwrap_or_default();
    ensure!(plans.contains(&json!("pro")) && !plans.contains(&json!("several-wider")), "{problem}");
    client.accepted(&faces(1, 20))?;
    Ok(())
}

fn keys_of_one_account_count_apart(stack: &Stack) -> Result<()> {
    let mut first = None;
    for _ in 0..2 {
        let client = stack.new_client("two-keys", "by-key")?;
        // One account: the second key joins the jobs of the first.
        let jobs =
            [client.submit(&faces(1, 1))?.expect(202)?.json()?, client.submit(&faces(2, 1))?.expect(202)?.json()?];
        client.submit(&faces(3, 1))?.expect_limited(&["each-key"])?;
        ensure!(first.get_or_insert(jobs[0]["id"].clone()) == &jobs[0]["id"], "{jobs:?}");
    }
    Ok(())
}

fn addresses_of_one_account_count_apart(stack: &Stack) -> Result<()> {
    let client = stack.new_client("two-addresses", "by-address")?;
    // The local runtime lets callers say where they are.
    let from = |address, seed| client.submit_with(&faces(seed, 1), &[("cf-connecting-ip", address)]);
    for (one, same) in [("203.0.113.41", "203.0.113.41"), ("2001:db8:0:41::1", "2001:db8:0:41:9::9")] {
        from(one, 1)?.expect(202)?;
        from(same, 2)?.expect(202)?;
        from(one, 3)?.expect_limited(&["each-address"])?;
        from(same, 4)?.expect_limited(&["each-address"])?;
    }
    from("203.0.113.42", 3)?.expect(202)?;
    Ok(())
}

fn endpoints_of_one_account_count_apart(stack: &Stack) -> Result<()> {
    let client = stack.new_client("two-endpoints", "by-endpoint")?;
    for submit in [|client: &Client, seed| client.submit(&faces(seed, 1)), bare] {
        submit(&client, 1)?.expect(202)?;
        submit(&client, 2)?.expect(202)?;
        submit(&client, 3)?.expect_limited(&["each-endpoint"])?;
    }
    Ok(())
}

/// The same by the other endpoint.
fn bare(client: &Client, seed: u64) -> Result<Answer> {
    let path = format!("/v1/models/dcgan-faces/jobs?p.seed={seed}");
    client.send(&Request { method: "POST", path: &path, ..Request::default() })
}
