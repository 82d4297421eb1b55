//! A catalogue that is put into the namespace is in force within a minute, without a restart; a bad one is refused and
//! complained of, and the last good one stays.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{
    client::{Request, poll},
    guarded,
    stack::{Hall, Options},
};

/// Isolates look every thirty seconds where nothing else is said; here every two.
const RECHECK_MS: &str = "2000";
const SOON: Duration = Duration::from_secs(60);

pub fn check(hall: &Hall) -> Result<()> {
    let variables = BTreeMap::from([("CATALOG_RECHECK_MS".to_owned(), RECHECK_MS.to_owned())]);
    let options = Options { variables, ..guarded::options(hall.scratch("catalog-models")?)? };
    let stack = hall.own("catalog", &options)?;
    let client = stack.client("catalog_changes_while_running");
    let job = json!({"model": "newcomer", "input": {"text": "hello"}});
    client.submit(&job)?.expect_problem(404, "model-not-found")?;
    let etag = client.get("/v1/models")?.expect(200)?.must("etag")?.to_owned();
    let headers = [("if-none-match", etag.as_str())];
    let unchanged = Request { method: "GET", path: "/v1/models", headers: &headers, body: None };
    client.send(&unchanged)?.expect(304)?;

    let mut good = stack.catalog().clone();
    good["serving"]["newcomer"] = json!({"model": "sturdy", "version": "1"});
    stack.override_catalog(&good.to_string())?;
    let put = Instant::now();
    let accepted = poll("the new catalogue is in force", || {
        let answer = client.submit(&job)?;
        Ok(if answer.status == 202 { Ok(answer.json()?) } else { Err(answer) })
    })?;
    ensure!(accepted["served_model"] == "sturdy@1", "{accepted}");
    ensure!(put.elapsed() < SOON, "it took {:?}", put.elapsed());
    client.send(&unchanged)?.expect(200).context("the listing has another tag now")?;

    // Two kinds of bad: a mistake in what it says, and no catalogue at all. Each is refused on its own.
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
