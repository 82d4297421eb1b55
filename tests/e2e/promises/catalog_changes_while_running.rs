//! A catalog that the operator puts is in force at once, and one that is put into the namespace within a minute,
//! without a restart; a bad one is refused and complained of, and the last good one stays.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, Request, poll, text},
    guarded,
    stack::{Hall, Options, Stack},
};

/// Isolates look every thirty seconds where nothing else is said; here every two.
const RECHECK_MS: &str = "2000";
const CATALOG: &str = "/internal/v1/catalog";
const SOON: Duration = Duration::from_secs(60);

pub fn check(hall: &Hall) -> Result<()> {
    let variables = BTreeMap::from([("CATALOG_RECHECK_MS".to_owned(), RECHECK_MS.to_owned())]);
    let options = Options { variables, ..guarded::options(hall.scratch("catalog-models")?)? };
    let stack = hall.own("catalog", &options)?;
    let client = stack.client("catalog_changes_while_running")?;
    let job = json!({"model": "newcomer", "input": {"text": "hello"}});
    client.submit(&job)?.expect_problem(404, "model-not-found")?;
    // The listing says how long a job would take: when that changes between two requests it has another tag.
    let etag = poll("a listing that has not changed is not sent again", || {
        let etag = client.get("/v1/models")?.expect(200)?.must("etag")?.to_owned();
        let again = listing(&client, &etag)?;
        Ok(if again.status == 304 { Ok(etag) } else { Err(again) })
    })?;

    let shipped = stack.catalog().clone();
    let mut good = shipped.clone();
    good["serving"]["newcomer"] = json!({"model": "sturdy", "version": "1"});
    the_operator_puts_one_in_force_at_once(&stack, &good)?;
    stack.operate("PUT", CATALOG, Some(&shipped))?.expect(200)?;

    // The other way, past the edge: it finds the new one by itself.
    stack.override_catalog(&good.to_string())?;
    let put = Instant::now();
    let accepted = poll("the new catalog is in force", || {
        let answer = client.submit(&job)?;
        Ok(if answer.status == 202 { Ok(answer.json()?) } else { Err(answer) })
    })?;
    ensure!(accepted["served_model"] == "sturdy@1", "{accepted}");
    ensure!(put.elapsed() < SOON, "it took {:?}", put.elapsed());
    listing(&client, &etag)?.expect(200).context("the listing has another tag now")?;

    // Two kinds of bad: a mistake in what it says, and no catalog at all. Each is refused on its own.
    let mut bad = good.clone();
    bad["serving"]["newcomer"]["version"] = json!("77");
    bad["serving"]["worse"] = json!({"model": "sturdy", "version": "1"});
    for (text, complaint) in [(bad.to_string(), "serve.newcomer.version"), ("{\"models\":7}".to_owned(), "catalog:")] {
        stack.override_catalog(&text)?;
        poll("the edge complains", || {
            client.get("/v1/models")?.expect(200)?;
            let log = stack.logs()?;
            let complained = log.lines().any(|line| line.contains("catalog-refused") && line.contains(complaint));
            Ok(if complained { Ok(()) } else { Err(log.len()) })
        })?;
        client
            .submit(&json!({"model": "worse", "input": {"text": "hello"}}))?
            .expect_problem(404, "model-not-found")?;
        client.submit(&job)?.expect(202)?;
    }
    Ok(())
}

/// The models, unless they are listed under this tag.
fn listing(client: &Client, etag: &str) -> Result<Answer> {
    client.send(&Request { method: "GET", path: "/v1/models", headers: &[("if-none-match", etag)], body: None })
}

fn the_operator_puts_one_in_force_at_once(stack: &Stack, good: &Value) -> Result<()> {
    let client = stack.client("catalog_changes_while_running")?;
    let job = json!({"model": "newcomer", "input": {"text": "good day"}});
    let summary = stack.operate("PUT", CATALOG, Some(good))?.expect(200)?.json()?;
    ensure!(summary["models"].as_u64() > Some(1) && summary["plans"].as_u64() > Some(1), "{summary}");
    client.submit(&job)?.expect(202)?;

    let mut bad = good.clone();
    bad["serving"]["newcomer"]["version"] = json!("77");
    let refused = stack.operate("PUT", CATALOG, Some(&bad))?;
    refused.expect_problem(422, "invalid-field")?;
    ensure!(text(&refused.json()?, "detail")?.contains("serve.newcomer.version"), "{refused:?}");
    client.submit(&job)?.expect(202).context("the last good one stays")?;
    a_plan_may_go(stack, good)?;
    let in_force = stack.operate("GET", CATALOG, None)?.expect(200)?.json()?;
    ensure!(in_force["serving"]["newcomer"] == good["serving"]["newcomer"], "{in_force}");

    for method in ["GET", "DELETE"] {
        let request = Request { method, path: CATALOG, ..Request::default() };
        client.send(&request)?.expect_problem(401, "invalid-credentials").context("a client is no operator")?;
    }
    // Without any, the one of the build is in force.
    stack.operate("DELETE", CATALOG, None)?.expect(200)?;
    client.submit(&job)?.expect_problem(404, "model-not-found")?;
    Ok(())
}

/// Who has a key of a plan that is offered no longer is told so, and finds what was submitted before.
fn a_plan_may_go(stack: &Stack, good: &Value) -> Result<()> {
    let mut wider = good.clone();
    wider["plans"]["passing"] = good["plans"]["pro"].clone();
    stack.operate("PUT", CATALOG, Some(&wider))?.expect(200)?;
    let client = stack.new_client("of-a-passing-plan", "passing")?;
    let job = json!({"model": "newcomer", "input": {"text": "while it lasts"}});
    let accepted = client.accepted(&job)?;
    stack.operate("PUT", CATALOG, Some(good))?.expect(200)?;
    let refused = client.submit(&job)?;
    refused.expect_problem(403, "unknown-plan")?;
    ensure!(text(&refused.json()?, "detail")?.contains("`passing`"), "{refused:?}");
    ensure!(client.job(&accepted)?["status"] == "queued", "{accepted}");
    Ok(())
}
