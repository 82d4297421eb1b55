//! What is used is counted once a job, however often it ran, and told as JSON and CSV; jobs are listed page by page.

use anyhow::{Context as _, Result, ensure};
use forebay_contract::{EventKind, FailureCode};
use serde_json::{Value, json};

use crate::{
    client::{Client, Request, id},
    stack::{Hall, words},
    whole_day::begins_clear_of_midnight,
};

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    let stack = hall.idle()?;
    let client = stack.new_client("bookkeeper", "pro")?;
    let jobs: Vec<Value> = (0..6)
        .map(|n| client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 5)}})))
        .collect::<Result<_>>()?;
    let done = || EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 2, device_ms: 12.5 };
    // A code that says nothing against the model, whose breaker others share.
    let failed = || EventKind::Failed { code: FailureCode::TextNotUtf8, detail: "of another text".to_owned() };
    // Reported three times; given back once before; failed first and found stored after.
    for _ in 0..3 {
        stack.report(&jobs[0], done())?;
    }
    for kind in [EventKind::Started { batch_size: 1 }, EventKind::Returned { again_ms: None }, done()] {
        stack.report(&jobs[1], kind)?;
    }
    for kind in [failed(), done()] {
        stack.report(&jobs[2], kind)?;
    }
    stack.report(&jobs[3], failed())?;
    client.cancel(&jobs[4])?;

    let usage = client.get("/v1/usage")?.expect(200)?.json()?;
    let row = &usage["days"][0];
    for (column, expect) in [("succeeded", 3), ("failed", 1), ("canceled", 1), ("expired", 0), ("degraded", 0)] {
        ensure!(row[column] == expect, "{column} is not {expect}: {usage}");
    }
    ensure!(row["device_ms"].as_f64() == Some(37.5) && row["model"] == "all-minilm-l6-v2", "{usage}");
    let accept = [("accept", "text/csv")];
    let csv = client.send(&Request { method: "GET", path: "/v1/usage", headers: &accept, body: None })?.expect(200)?;
    ensure!(csv.must("content-type")?.starts_with("text/csv"), "{csv:?}");
    let text = String::from_utf8(csv.body)?;
    let expect = format!("{},all-minilm-l6-v2,3,1,1,0,0,0,37.500", row["day"].as_str().context("no day")?);
    ensure!(text.lines().nth(1) == Some(expect.as_str()), "{text}");
    for query in ["from=yesterday", "to=2026-02-30", "from=2026-01-02&to=2026-01-01", "from=2020-01-01", "day=1"] {
        client.get(&format!("/v1/usage?{query}"))?.expect_problem(400, "invalid-query").context(query)?;
    }

    jobs_are_listed(&client, &jobs)?;
    let nobody = stack.new_client("newcomer", "pro")?.get("/v1/jobs")?.expect(200)?.json()?;
    ensure!(nobody == json!({"jobs": [], "cursor": null}), "{nobody}");

    // Lanes are the operator's to look at.
    client.get("/v1/lanes")?.expect_problem(401, "invalid-credentials")?;
    let lane = stack.lane("paid-light")?;
    ensure!(
        lane["eta_ms"]["p90"].is_u64() && lane["multiplier"].is_number() && lane["breakers"] == json!([]),
        "{lane}"
    );
    Ok(())
}

/// Newest first, page by page, and by state and model.
fn jobs_are_listed(client: &Client, jobs: &[Value]) -> Result<()> {
    let ids: Vec<&str> = jobs.iter().rev().map(id).collect::<Result<_>>()?;
    let mut listed = Vec::new();
    let mut path = "/v1/jobs?limit=4".to_owned();
    loop {
        let page = client.get(&path)?.expect(200)?.json()?;
        listed.extend(page["jobs"].as_array().context("no jobs")?.iter().map(|job| job["id"].clone()));
        let Some(cursor) = page["cursor"].as_str() else { break };
        path = format!("/v1/jobs?limit=4&cursor={cursor}");
    }
    ensure!(listed == ids, "{listed:?}");
    for (query, expect) in [
        ("status=succeeded", 3),
        ("status=queued", 1),
        ("status=expired", 0),
        ("model=all-minilm-l6-v2&status=failed", 1),
        ("model=nobody", 0),
    ] {
        let page = client.get(&format!("/v1/jobs?{query}"))?.expect(200)?.json()?;
        ensure!(page["jobs"].as_array().map(Vec::len) == Some(expect) && page["cursor"].is_null(), "{query}: {page}");
    }
    for query in ["status=done", "limit=0", "limit=101", "cursor=x", "page=2", "limit=1&limit=2"] {
        client.get(&format!("/v1/jobs?{query}"))?.expect_problem(400, "invalid-query").context(query)?;
    }
    Ok(())
}
