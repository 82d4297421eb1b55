//! Jobs, usage, retries: what is asked and what is shown.

use serde_json::{Value, json};

use crate::{
    played::{Played, Reply, job},
    program::{forebay, output},
};

#[test]
fn jobs_come_page_by_page() {
    let played = Played::start(|request| {
        let page = |jobs: Vec<Value>, cursor: Value| Reply::json(200, &json!({"jobs": jobs, "cursor": cursor}));
        match request.line.as_str() {
            "GET /v1/jobs?status=queued&model=m&limit=100" => {
                page((0..100).map(|n| job(&format!("job_{n}"), "queued")).collect(), json!("c 1"))
            }
            "GET /v1/jobs?status=queued&model=m&limit=50&cursor=c+1" => {
                page(vec![job("job_last", "queued")], Value::Null)
            }
            line => panic!("{line}"),
        }
    });
    let arguments = ["jobs", "--status", "queued", "--model", "m", "--limit", "150"];
    let table = output(forebay(&played, &arguments), 0);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 102);
    assert_eq!(lines[0], "ID        MODEL  ACCEPTED              STATUS");
    assert_eq!(lines[101], "job_last  m@1    2027-01-15 08:00 UTC  queued");
    let shown = output(forebay(&played, &[&arguments[..], &["--json"]].concat()), 0);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((shown["jobs"].as_array().unwrap().len(), &shown["cursor"]), (101, &Value::Null));
    assert_eq!(shown["jobs"][100], job("job_last", "queued"));
}

#[test]
fn usage_is_a_table_json_or_csv() {
    const CSV: &str = "day,model,succeeded\r\n2026-11-22,m,3\r\n";
    let played = Played::start(|request| {
        assert_eq!(request.line, "GET /v1/usage?from=2026-11-01&to=2026-11-30");
        match request.header("accept") {
            Some("text/csv") => Reply::of(200, "text/csv", CSV.as_bytes()),
            _ => Reply::json(
                200,
                &json!({"days": [{"day": "2026-11-22", "model": "m", "succeeded": 3, "device_ms": 1500.4}]}),
            ),
        }
    });
    let days = ["usage", "--from", "2026-11-01", "--to", "2026-11-30"];
    let table = output(forebay(&played, &days), 0);
    assert!(
        table.ends_with("2026-11-22  m      3          0       0         0        0       0         1.5 s\n"),
        "{table}"
    );
    assert_eq!(output(forebay(&played, &[&days[..], &["--csv"]].concat()), 0), CSV);
    let shown: Value = serde_json::from_str(&output(forebay(&played, &[&days[..], &["--json"]].concat()), 0)).unwrap();
    assert_eq!(shown["days"][0]["succeeded"], 3);
}

#[test]
fn a_retry_gives_the_new_id_alone() {
    let played = Played::start(|request| match request.line.as_str() {
        "POST /v1/jobs/job_1/retry" => Reply::json(202, &job("job_2", "queued")),
        _ => Reply::problem(409, "job-not-retryable", false),
    });
    assert_eq!(output(forebay(&played, &["retry", "job_1"]), 0), "job_2\n");
    assert_eq!(output(forebay(&played, &["retry", "job_3"]), 1), "");
}

#[test]
fn position_and_forecast_are_written_in_plain_lines_where_there_is_no_terminal() {
    let played = Played::start(|request| match request.line.as_str() {
        "POST /v1/jobs" => {
            let mut queued = job("job_1", "queued");
            queued["queue"] = json!({"lane": "paid-light", "position": 3, "eta_ms": {"p50": 4000, "p90": 9000}});
            Reply::json(202, &queued)
        }
        "GET /v1/jobs/job_1?wait=30" => Reply::json(200, &job("job_1", "succeeded")),
        "GET /v1/jobs/job_1/result" => Reply::json(200, &json!({"embedding": [1, 2]})),
        line => panic!("{line}"),
    });
    let output = forebay(&played, &["submit", "m", "--text", "x", "--wait"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "{\"embedding\":[1,2]}\n");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr, "job_1: queued in paid-light, position 3, done in 4.0 s (p90 9.0 s)\njob_1: succeeded\n");
}
