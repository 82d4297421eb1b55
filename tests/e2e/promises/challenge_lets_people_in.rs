//! Beyond some limits only people get in: who is refused is told which challenge to solve, and passes with the token of
//! a solved one.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    client::Request,
    stack::{Hall, Infra, Options},
    web_server::WebServer,
    whole_day::begins_clear_of_midnight,
};

const PLANS: &str = r#"
[plans.pro]
class = "paid"
limits = []

[plans.guarded]
class = "free"
limits = [
  { name = "gate", dimension = "account", algorithm = "fixed-window", quantity = 1, window = "month", unit = "requests", beyond = "challenge" },
  { name = "wall", dimension = "account", algorithm = "fixed-window", quantity = 2, window = "month", unit = "requests" },
]
"#;

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    // What Turnstile's siteverify does, for one secret and one token.
    let verifier = WebServer::start(|form| {
        let has = |field: &str| form.split('&').any(|found| found == field);
        json!({"success": has("secret=the-secret-key") && has("response=a+solved.one") && has("remoteip=203.0.113.60")})
    })?;
    let variables = [
        ("TURNSTILE_SITE_KEY", "the-site-key".to_owned()),
        ("TURNSTILE_SECRET_KEY", "the-secret-key".to_owned()),
        ("TURNSTILE_URL", verifier.url("/siteverify")),
    ];
    let variables: BTreeMap<_, _> = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let stack = hall.own(
        "challenge",
        &Options { plans: Some(PLANS.to_owned()), variables, infra: Infra::Common, ..Options::default() },
    )?;
    let client = stack.new_client("guarded", "guarded")?;
    let submit = |seed: u64, token: Option<&str>| {
        let job = json!({"model": "dcgan-faces", "parameters": {"seed": seed}});
        let token = token.map(|token| ("cf-turnstile-response", token));
        let headers: Vec<_> = [("cf-connecting-ip", "203.0.113.60")].into_iter().chain(token).collect();
        client.submit_with(&job, &headers)
    };

    submit(1, None)?.expect(202)?;
    let refused = submit(2, None)?;
    let problem = refused.expect_problem(403, "challenge-required")?;
    let expect = json!({"kind": "turnstile", "site_key": "the-site-key", "header": "cf-turnstile-response"});
    ensure!(problem["challenge"] == expect && problem["violated_policies"] == json!(["gate"]), "{problem}");
    refused.must("ratelimit")?;
    ensure!(verifier.asked() == 0, "there was no token to check");

    // A dry run uses up no token: it says what would be asked for.
    let job = json!({"model": "dcgan-faces", "parameters": {"seed": 2}}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("cf-connecting-ip", "203.0.113.60"),
        ("cf-turnstile-response", "a solved.one"),
    ];
    let plan = Request { method: "POST", path: "/v1/plan", headers: &headers, body: Some(job.as_bytes()) };
    let foretold = client.send(&plan)?.expect(200)?.json()?;
    ensure!(foretold["decision"] == "refuse" && foretold["problem"]["code"] == "challenge-required", "{foretold}");
    ensure!(foretold["problem"]["challenge"] == expect && verifier.asked() == 0, "{foretold}");

    submit(2, Some("a forged.one"))?.expect_problem(403, "challenge-failed")?;
    submit(2, Some(""))?.expect_problem(403, "challenge-failed")?;
    submit(2, Some(&"x".repeat(2049)))?.expect_problem(403, "challenge-failed")?;
    ensure!(verifier.asked() == 1, "the verifier was asked {} times", verifier.asked());
    submit(2, Some("a solved.one"))?.expect(202)?;
    ensure!(verifier.asked() == 2, "the verifier was asked {} times", verifier.asked());

    // It passes the limit that asked for it, and no other.
    submit(3, Some("a solved.one"))?.expect_limited(&["wall"])?;
    submit(3, None)?.expect_limited(&["wall"])?;

    drop(verifier);
    let refused = submit(3, Some("a solved.one"))?;
    refused.expect_problem(503, "challenge-unavailable")?;
    ensure!(refused.retry_after_s()? == 5, "{refused:?}");
    Ok(())
}
