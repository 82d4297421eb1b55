//! Which version runs: the one that is asked for, else the group's, else the plan's, else the account's share, else the
//! stable one; the same account always gets the same.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Client, Request},
    stack::{Hall, words},
};

/// Enough that a share of 30 per cent shows.
const ACCOUNTS: usize = 60;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.guarded()?;
    let beta = stack.new_client("versions-beta", "beta")?;
    let tester =
        stack.new_client_of(&json!({"account": "versions-tester", "plan": "beta", "groups": ["staff", "testers"]}))?;

    // By plan, by group, by name, by task, by header: a job says which version it has, a plan says why.
    for (client, model, version, expect, because) in [
        (&beta, "split", None, "3", "plan"),
        (&tester, "split", None, "4", "group"),
        (&tester, "splitting", None, "4", "group"),
        (&tester, "nickname", None, "5", "stable"),
        (&tester, "split", Some("2"), "2", "header"),
        (&beta, "splitting", Some("5"), "5", "header"),
    ] {
        let headers: Vec<_> = version.map(|version| ("x-model-version", version)).into_iter().collect();
        let foreseen = foreseen(client, &headers, model)?;
        ensure!(foreseen["version"] == expect && foreseen["because"] == because, "{model} {version:?}: {foreseen}");
        let job = client.submit_with(&split(model), &headers)?.expect(202)?.json()?;
        let served = format!("split@{expect}");
        ensure!(job["served_model"] == served.as_str(), "{model} {version:?} is not {served}: {job}");
    }

    // Bare bodies go the same way.
    let headers = [("content-type", "text/plain"), ("x-model-version", "2")];
    let request = Request { method: "POST", path: "/v1/models/splitting/jobs", headers: &headers, body: Some(b"bare") };
    ensure!(beta.send(&request)?.expect(202)?.json()?["served_model"] == "split@2", "a bare body had another version");

    for version in ["9", "", "01", "../1"] {
        let answer = beta.submit_with(&split("split"), &[("x-model-version", version)])?;
        let problem = answer.expect_problem(404, "version-not-found")?;
        ensure!(problem["detail"].as_str().is_some_and(|detail| detail.contains("1, 2, 3, 4, 5")), "{problem}");
    }

    // A share of the accounts has the canary, each account always or never.
    let mut canaries = 0;
    for n in 0..ACCOUNTS {
        let client = stack.new_client(&format!("versions-{n}"), "pro")?;
        let seen = [(); 3].map(|()| client.foretold(&split("split")));
        let [first, second, third] = seen;
        let (first, second, third) = (first?, second?, third?);
        let version = &first["version"];
        ensure!(*version == "1" || *version == "2", "{first}");
        ensure!(second["version"] == *version && third["version"] == *version, "{first} {second} {third}");
        let job = client.accepted(&split("split"))?;
        ensure!(job["version"] == *version, "foreseen was {version}: {job}");
        canaries += usize::from(*version == "2");
    }
    // Accounts are told apart by a hash: 18 of 60 on average, these bounds are five standard deviations away.
    ensure!((1..=36).contains(&canaries), "{canaries} of {ACCOUNTS} accounts have the version of 30 per cent");
    Ok(())
}

fn split(model: &str) -> Value {
    json!({"model": model, "input": {"text": words(1, 5)}})
}

fn foreseen(client: &Client, headers: &[(&str, &str)], model: &str) -> Result<Value> {
    let headers: Vec<_> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
    let body = split(model).to_string();
    let request = Request { method: "POST", path: "/v1/plan", headers: &headers, body: Some(body.as_bytes()) };
    client.send(&request)?.expect(200)?.json()
}
