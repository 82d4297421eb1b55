//! All data of an account: taken away, and erased.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};

use crate::{
    played::{Played, Reply, Request, job},
    program::{Folder, expect, forebay, output},
};

/// Three pages of two jobs; what is asked for the second page fails as long as `fails` is above zero.
fn service(fails: Arc<AtomicUsize>) -> Played {
    Played::start(move |request: &Request| {
        let page = |ids: [&str; 2], cursor: Value| {
            let jobs = ids.map(|id| job(id, if id.ends_with('0') { "failed" } else { "succeeded" }));
            Reply::json(200, &json!({ "jobs": jobs, "cursor": cursor }))
        };
        match request.line.as_str() {
            "GET /v1/quota" => Reply::json(200, &json!({ "account": "acme", "plan": "pro", "limits": [] })),
            "GET /v1/jobs?limit=100" => page(["job_1", "job_2"], json!("c1")),
            "GET /v1/jobs?limit=100&cursor=c1" if fails.load(Ordering::SeqCst) > 0 => {
                fails.fetch_sub(1, Ordering::SeqCst);
                Reply::problem(422, "invalid-field", false)
            }
            "GET /v1/jobs?limit=100&cursor=c1" => page(["job_3", "job_10"], json!("c2")),
            "GET /v1/jobs?limit=100&cursor=c2" => page(["job_4", "job_5"], Value::Null),
            "GET /v1/jobs/job_5/result" => Reply::problem(410, "job-erased", false),
            line if line.ends_with("/result") => Reply::json(200, &json!({ "of": line })),
            "GET /v1/usage" => Reply::json(200, &json!({ "days": [] })),
            "GET /v1/webhooks" => Reply::json(200, &json!({ "webhooks": [] })),
            line => panic!("{line}"),
        }
    })
}

#[test]
fn an_export_holds_everything_and_goes_on_where_it_was_interrupted() {
    let folder = Folder::new();
    let target = folder.path("acme").display().to_string();
    let played = service(Arc::new(AtomicUsize::new(1)));
    expect(&forebay(&played, &["account", "export", &target]).output().unwrap(), 1);
    // A kill in the middle of a page leaves half of it.
    let jobs = folder.path("acme/jobs.jsonl");
    fs::write(&jobs, format!("{}{{\"id\":", fs::read_to_string(&jobs).unwrap())).unwrap();
    let said = output(forebay(&played, &["account", "export", &target]), 0);
    assert_eq!(said, format!("6 jobs and 4 results are in {target}\n"));
    let lines = fs::read_to_string(&jobs).unwrap();
    let ids: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone()).collect();
    assert_eq!(ids, ["job_1", "job_2", "job_3", "job_10", "job_4", "job_5"]);
    assert_eq!(folder.names("acme"), ["jobs.jsonl", "quota.json", "results", "usage.json", "webhooks.json"]);
    assert_eq!(folder.names("acme/results"), ["job_1.json", "job_2.json", "job_3.json", "job_4.json"]);
    let result = fs::read_to_string(folder.path("acme/results/job_4.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&result).unwrap(), json!({ "of": "GET /v1/jobs/job_4/result" }));
    // Whole, it is begun anew.
    assert_eq!(output(forebay(&played, &["account", "export", &target]), 0), said);
}

#[test]
fn an_erasure_is_waited_for_and_its_receipt_written() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let played = Played::start(move |request: &Request| {
        let receipt =
            |jobs: u64, complete: bool| json!({ "complete": complete, "jobs": jobs, "in_bucket": 0, "remains": [] });
        match request.line.as_str() {
            "DELETE /v1/account/data" => Reply::json(202, &receipt(64, false)),
            "GET /v1/account/data" => Reply::json(200, &receipt(120, counted.fetch_add(1, Ordering::SeqCst) > 0)),
            line => panic!("{line}"),
        }
    });
    let said = forebay(&played, &["account", "erase", "--yes"]).output().unwrap();
    expect(&said, 0);
    let receipt: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!((&receipt["complete"], &receipt["jobs"]), (&json!(true), &json!(120)));
    let told = String::from_utf8(said.stderr).unwrap();
    assert!(told.contains("64 jobs erased") && told.contains("120 jobs erased"), "{told}");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let timed_out = forebay(&played_forever(), &["account", "erase", "--yes", "--timeout", "1s"]).output().unwrap();
    expect(&timed_out, 4);
}

/// A service that never gets done.
fn played_forever() -> Played {
    Played::start(|_| Reply::json(202, &json!({ "complete": false, "jobs": 1, "in_bucket": 1 })))
}

#[test]
fn nothing_is_erased_where_nobody_says_yes() {
    let played = Played::start(|request| panic!("{}", request.line));
    let said = forebay(&played, &["account", "erase"]).output().unwrap();
    expect(&said, 2);
    assert!(String::from_utf8(said.stderr).unwrap().contains("--yes"));
}
