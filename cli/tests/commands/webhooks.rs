//! Webhooks: what is asked, what is shown, and where a secret goes.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::{
    played::{Played, Reply},
    program::{expect, forebay, output},
};

const EVENTS: [&str; 4] = ["job.succeeded", "job.failed", "job.canceled", "job.expired"];

fn webhook(more: &Value) -> Value {
    let mut webhook = json!({
        "id": "wh_1", "url": "https://example.com/hook", "events": EVENTS, "description": null, "enabled": true,
        "disabled_because": null, "created_ms": 1_800_000_000_000_u64, "public_key": "whpk_AAAA", "rotated_ms": null,
    });
    webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    webhook
}

fn delivery(id: &str, state: &str, last: &Value) -> Value {
    json!({
        "id": id, "event": "job.failed", "job_id": "job_1", "state": state, "attempts": 1,
        "created_ms": 1_800_000_000_000_u64, "next_attempt_ms": null, "last": last,
    })
}

#[test]
fn a_secret_goes_to_standard_output_alone_and_once() {
    let played = Played::start(|request| match request.line.as_str() {
        "POST /v1/webhooks" => Reply::json(201, &webhook(&json!({"secret": "whsec_new"}))),
        "POST /v1/webhooks/wh_1/rotate" => {
            Reply::json(200, &webhook(&json!({"secret": "whsec_newer", "rotated_ms": 1_800_000_000_000_u64})))
        }
        "GET /v1/webhooks/wh_1" => Reply::json(200, &webhook(&json!({}))),
        line => panic!("{line}"),
    });
    let arguments =
        ["webhooks", "create", "https://example.com/hook", "--event", "job.failed", "--description", "ours"];
    let made = forebay(&played, &arguments).output().unwrap();
    expect(&made, 0);
    assert_eq!(String::from_utf8(made.stdout).unwrap(), "whsec_new\n");
    let stderr = String::from_utf8(made.stderr).unwrap();
    assert!(stderr.contains("webhook wh_1 at https://example.com/hook") && stderr.contains("shown once"), "{stderr}");
    assert!(!stderr.contains("whsec_"), "{stderr}");
    let asked = json!({"url": "https://example.com/hook", "events": ["job.failed"], "description": "ours"});
    assert_eq!(played.requests()[0].json(), asked);
    assert_eq!(played.requests()[0].header("content-type"), Some("application/json"));

    let rotated = forebay(&played, &["webhooks", "rotate", "wh_1"]).output().unwrap();
    expect(&rotated, 0);
    assert_eq!(String::from_utf8(rotated.stdout).unwrap(), "whsec_newer\n");
    assert!(String::from_utf8_lossy(&rotated.stderr).contains("older secret signs too until 2027-01-16 08:00 UTC"));

    let plain = forebay(&played, &["webhooks", "create", "https://example.com/hook", "--json"]);
    let shown: Value = serde_json::from_str(&output(plain, 0)).unwrap();
    assert_eq!(shown["secret"], "whsec_new");
    assert_eq!(played.requests()[2].json(), json!({"url": "https://example.com/hook"}));
    let shown = output(forebay(&played, &["webhooks", "show", "wh_1"]), 0);
    assert!(shown.contains("events       all\nstate        enabled\n") && !shown.contains("whsec_"), "{shown}");
}

#[test]
fn endpoints_are_listed_changed_and_ended() {
    let played = Played::start(|request| match request.line.as_str() {
        "GET /v1/webhooks" => Reply::json(200, &json!({"webhooks": [webhook(&json!({}))]})),
        "PATCH /v1/webhooks/wh_1" => {
            Reply::json(200, &webhook(&json!({"enabled": false, "disabled_because": "by_you"})))
        }
        "DELETE /v1/webhooks/wh_1" => Reply::of(204, "text/plain", b""),
        _ => Reply::problem(404, "webhook-not-found", false),
    });
    let table = output(forebay(&played, &["webhooks", "list"]), 0);
    assert!(table.ends_with("wh_1  https://example.com/hook  all     enabled  2027-01-15 08:00 UTC  -\n"), "{table}");
    let listed: Value = serde_json::from_str(&output(forebay(&played, &["webhooks", "list", "--json"]), 0)).unwrap();
    assert_eq!(listed["webhooks"][0]["id"], "wh_1");

    let shown = output(forebay(&played, &["webhooks", "update", "wh_1", "--disable"]), 0);
    assert!(shown.contains("state        disabled\n"), "{shown}");
    assert_eq!(played.requests()[2].json(), json!({"enabled": false}));
    let change = ["webhooks", "update", "wh_1", "--enable", "--target", "https://b.example", "--event", "job.expired"];
    output(forebay(&played, &change), 0);
    let asked = json!({"url": "https://b.example", "events": ["job.expired"], "enabled": true});
    assert_eq!(played.requests()[3].json(), asked);
    assert_eq!(output(forebay(&played, &["webhooks", "delete", "wh_1"]), 0), "wh_1 is deleted\n");

    for (arguments, code, why) in [
        (&["webhooks", "update", "wh_1"][..], 2, "--enable"),
        (&["webhooks", "update", "wh_1", "--enable", "--disable"], 2, "--disable"),
        (&["webhooks", "create", "https://a", "--event", "job.queued"], 2, "job.succeeded"),
        (&["webhooks", "show", "../quota"], 2, "no webhook id"),
        (&["webhooks", "show", "wh_2"], 1, "webhook-not-found"),
    ] {
        let output = forebay(&played, arguments).output().unwrap();
        expect(&output, code);
        assert!(String::from_utf8_lossy(&output.stderr).contains(why), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_test_ends_as_its_first_try_did() {
    for (last, state, code, why) in [
        (
            json!({"at_ms": 5, "status": 204, "error": null, "took_ms": 35}),
            "delivered",
            0,
            "delivered; last: 204 after",
        ),
        (
            json!({"at_ms": 5, "status": 500, "error": "status", "took_ms": 35}),
            "pending",
            1,
            "pending; last: status 500",
        ),
    ] {
        let looks = AtomicUsize::new(0);
        let played = Played::start(move |request| match request.line.as_str() {
            "POST /v1/webhooks/wh_1/test" => Reply::json(202, &delivery("msg_1", "pending", &Value::Null)),
            "GET /v1/webhooks/wh_1/deliveries?limit=100" => {
                let last = if looks.fetch_add(1, Ordering::Relaxed) == 0 { &Value::Null } else { &last };
                let other = delivery("msg_2", "failed", &json!({"status": 500, "error": "status"}));
                let state = if last.is_null() { "pending" } else { state };
                Reply::json(200, &json!({"deliveries": [other, delivery("msg_1", state, last)], "cursor": null}))
            }
            line => panic!("{line}"),
        });
        let tested = forebay(&played, &["webhooks", "test", "wh_1"]).output().unwrap();
        expect(&tested, code);
        let shown = String::from_utf8(tested.stdout).unwrap();
        assert!(shown.starts_with("msg_1 ") && shown.contains(why), "{shown}");
        assert_eq!(played.requests().len(), 3);
    }
    let played = Played::start(|request| match request.line.as_str() {
        "POST /v1/webhooks/wh_1/test" => Reply::json(202, &delivery("msg_1", "pending", &Value::Null)),
        _ => Reply::json(200, &json!({"deliveries": [], "cursor": null})),
    });
    assert_eq!(
        output(forebay(&played, &["webhooks", "test", "wh_1", "--timeout", "0"]), 0),
        "msg_1 (job.failed) is pending\n"
    );
    assert_eq!(played.requests().len(), 1);
    output(forebay(&played, &["webhooks", "test", "wh_1", "--timeout", "1s"]), 4);
}

#[test]
fn deliveries_come_page_by_page_and_can_be_replayed() {
    let played = Played::start(|request| {
        let page = |from: usize, to: usize, cursor: Value| {
            let last = json!({"at_ms": 5, "status": null, "error": "timeout", "took_ms": 15_000});
            let all: Vec<_> = (from..to).map(|n| delivery(&format!("msg_{n}"), "failed", &last)).collect();
            Reply::json(200, &json!({"deliveries": all, "cursor": cursor}))
        };
        match request.line.as_str() {
            "GET /v1/webhooks/wh_1/deliveries?limit=100" => page(0, 100, json!("c 1")),
            "GET /v1/webhooks/wh_1/deliveries?limit=1&cursor=c+1" => page(100, 101, Value::Null),
            "POST /v1/webhooks/wh_1/deliveries/msg_7/replay" => {
                Reply::json(202, &delivery("msg_7", "pending", &Value::Null))
            }
            line => panic!("{line}"),
        }
    });
    let arguments = ["webhooks", "deliveries", "wh_1", "--limit", "101"];
    let table = output(forebay(&played, &arguments), 0);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 102);
    assert_eq!(lines[0], "ID       EVENT       JOB    STATE   TRIES  LAST                NEXT  CREATED");
    assert_eq!(lines[101], "msg_100  job.failed  job_1  failed  1      timeout after 15 s  -     2027-01-15 08:00 UTC");
    let shown = output(forebay(&played, &[&arguments[..], &["--json"]].concat()), 0);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["deliveries"].as_array().unwrap().len(), 101);
    let replayed = output(forebay(&played, &["webhooks", "replay", "wh_1", "msg_7"]), 0);
    assert_eq!(replayed, "msg_7 (job.failed) is pending\n");
}

#[test]
fn an_endpoint_is_not_made_twice_when_an_answer_is_lost() {
    let played = Played::start(|_| Reply::of(502, "text/html", b"bad gateway"));
    for arguments in [
        &["webhooks", "create", "https://a"][..],
        &["webhooks", "rotate", "wh_1"],
        &["webhooks", "test", "wh_1"],
        &["webhooks", "delete", "wh_1"],
    ] {
        output(forebay(&played, arguments), 1);
    }
    assert_eq!(played.requests().len(), 4, "{:?}", played.lines());
}
