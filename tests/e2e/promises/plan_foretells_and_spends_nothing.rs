//! `POST /v1/plan` says what a submission would come to and why, and spends nothing; `GET /v1/quota` says what was spent.

use anyhow::{Context as _, Result, ensure};
use forebay_contract::EventKind;
use serde_json::{Value, json};

use crate::{
    client::{Client, poll},
    stack::{Hall, Options, Stack, TINY_PLAN, now_ms},
    whole_day::begins_clear_of_midnight,
};

const PLANS: &str = r#"
limits = [{ name = "everybody", dimension = "global", algorithm = "fixed-window", quantity = 1000, window = "month", unit = "requests" }]

[plans.pro]
class = "paid"
limits = []

[plans.narrow]
class = "free"
limits = [
  { name = "burst", dimension = "account", algorithm = "fixed-window", quantity = 3, window = "month", unit = "requests" },
  { name = "daily", dimension = "account", algorithm = "fixed-window", quantity = 3000, window = "day", unit = "cost" },
  { name = "open", dimension = "account", algorithm = "in-flight", quantity = 5, unit = "requests" },
]
"#;

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    let stack = hall.own("plan", &Options { plans: Some(PLANS.to_owned()), ..Options::default() })?;
    let client = stack.new_client("narrow", "narrow")?;
    let spent = Spent { stack: &stack, client: &client };
    spent.is(0, 0, 0, 0)?;

    let before_ms = now_ms()?;
    let foretold = client.foretold(&faces(1, 64))?;
    let after_ms = now_ms()?;
    for (field, expect) in [
        ("decision", json!("accept")),
        ("model", json!("dcgan-faces")),
        ("version", json!("1")),
        ("because", json!("stable")),
        ("lane", json!("free-heavy")),
        ("cost_ms", json!(960)),
        ("multiplier", json!(1.0)),
        ("problem", json!(null)),
        ("degraded", json!(null)),
    ] {
        ensure!(foretold[field] == expect, "expected {field}: {expect}, found {foretold}");
    }
    let limits = json!([
        {"name": "burst", "spends": 1, "remaining": 2},
        {"name": "daily", "spends": 960, "remaining": 2040},
        {"name": "open", "spends": 1, "remaining": 4},
        {"name": "everybody", "spends": 1, "remaining": null},
    ]);
    ensure!(foretold["limits"] == limits, "{foretold}");
    let finish_ms = foretold["queue"]["predicted_finish_ms"].as_u64().context("no finish")?;
    ensure!((before_ms + 960..after_ms + 30_000).contains(&finish_ms), "{foretold}");
    let (eta_ms, position) = (&foretold["queue"]["eta_ms"], &foretold["queue"]["position"]);
    ensure!(eta_ms["p50"].as_u64() >= Some(960) && eta_ms["p90"].as_u64() >= eta_ms["p50"].as_u64(), "{foretold}");
    ensure!(*position == 1, "{foretold}");
    client.foretold(&json!({"model": "dcgan-faces"}))?;
    spent.is(0, 0, 0, 0)?;

    let job = client.accepted(&faces(1, 64))?;
    spent.is(1, 960, 1, 1)?;
    let same = client.foretold(&faces(1, 64))?;
    ensure!(same["decision"] == "join" && same["digest"] == foretold["digest"], "{same}");
    stack.report(&job, EventKind::Succeeded { media_type: "image/png".to_owned(), bytes: 9, device_ms: 1.0 })?;
    let same = client.foretold(&faces(1, 64))?;
    ensure!(same["decision"] == "cached", "{same}");
    spent.is(1, 960, 0, 1)?;

    client.accepted(&faces(2, 64))?;
    client.accepted(&faces(3, 64))?;
    spent.is(3, 2880, 2, 3)?;
    let refused = client.foretold(&faces(4, 1))?;
    refuses(&refused, "rate-limited")?;
    ensure!(refused["problem"]["violated_policies"] == json!(["burst"]), "{refused}");
    ensure!(refused["problem"]["admitting_plans"] == json!(["pro", TINY_PLAN]), "{refused}");

    ensure!(refused["limits"][0] == json!({"name": "burst", "spends": 1, "remaining": 0}), "{refused}");

    a_deadline_that_cannot_be_met_is_foretold(&stack)?;
    spent.is(3, 2880, 2, 13)
}

/// After ten jobs of a second each.
fn a_deadline_that_cannot_be_met_is_foretold(stack: &Stack) -> Result<()> {
    let busy = stack.new_client("busy", "pro")?;
    for seed in 10..20 {
        busy.accepted(&faces(seed, 64))?;
    }
    let mut hurried = faces(20, 1);
    let refused = poll("the lane has counted them", || {
        hurried["deadline_ms"] = json!(now_ms()? + 5_000);
        let foretold = busy.foretold(&hurried)?;
        Ok(if foretold["decision"] == "refuse" { Ok(foretold) } else { Err(foretold) })
    })?;
    refuses(&refused, "deadline-infeasible")?;
    let earliest_ms = refused["problem"]["earliest_feasible_ms"].as_u64().context("no earliest")?;
    ensure!(Some(earliest_ms) > hurried["deadline_ms"].as_u64(), "{hurried}: {refused}");
    hurried["deadline_ms"] = json!(earliest_ms + 60_000);
    ensure!(busy.foretold(&hurried)?["decision"] == "accept");
    Ok(())
}

fn refuses(foretold: &Value, code: &str) -> Result<()> {
    ensure!(foretold["decision"] == "refuse" && foretold["problem"]["code"] == code, "{foretold}");
    ensure!(foretold["cost_ms"].is_u64() && foretold["lane"].is_string(), "{foretold}");
    Ok(())
}

/// What the quota and the queues must say.
struct Spent<'a> {
    stack: &'a Stack,
    client: &'a Client,
}

impl Spent<'_> {
    fn is(&self, burst: u64, daily: u64, open: u64, everybody: u64) -> Result<()> {
        let now_ms = now_ms()?;
        for (name, limit, used, window) in
            [("burst", 3, burst, json!("month")), ("daily", 3000, daily, json!("day")), ("open", 5, open, json!(null))]
        {
            let found = self.client.limit(name)?;
            ensure!(found["limit"] == limit && found["used"] == used && found["remaining"] == limit - used, "{found}");
            ensure!(found["window"] == window && found["dimension"] == "account", "{found}");
            let resets_ms = found["resets_ms"].as_u64();
            ensure!(resets_ms.is_some() != window.is_null() && resets_ms.is_none_or(|at| at >= now_ms), "{found}");
        }
        // What is lent counts as used until it comes back.
        poll("the shared limit says what was spent", || {
            let found = self.client.limit("everybody")?;
            ensure!(found["limit"] == 1000 && found["scope"] == "global", "{found}");
            Ok(if found["used"] == everybody && found["remaining"] == 1000 - everybody { Ok(()) } else { Err(found) })
        })?;
        // Nobody takes messages here.
        poll("the lanes hold what was accepted", || {
            let found = self.stack.messages_in_lanes()?;
            Ok(if found == everybody { Ok(()) } else { Err(found) })
        })
    }
}

fn faces(seed: u64, count: u64) -> Value {
    json!({"model": "dcgan-faces", "parameters": {"seed": seed, "count": count}})
}
