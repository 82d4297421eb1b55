//! Without a valid key nothing is answered, and a foreign job is as unknown as one that never was.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    client::{Client, Request, id},
    stack::Hall,
};

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.shared()?;
    let job = json!({"model": "dcgan-faces", "parameters": {"seed": 1}});

    let nobody = Client::new(&stack.origin(), None);
    let answer = nobody.submit(&job)?;
    answer.expect_problem(401, "missing-credentials")?;
    ensure!(answer.must("www-authenticate")?.starts_with("Bearer"), "{answer:?}");

    let well_formed_but_unknown = format!("fb_{}", "x".repeat(43));
    for (value, code) in [
        (format!("Bearer {well_formed_but_unknown}"), "invalid-credentials"),
        ("Bearer fb_short".to_owned(), "malformed-credentials"),
        ("Bearer sk-something-else".to_owned(), "malformed-credentials"),
        ("Bearer ".to_owned(), "malformed-credentials"),
        ("Basic dXNlcjpwYXNz".to_owned(), "malformed-credentials"),
    ] {
        let headers = [("authorization", value.as_str())];
        let answer = nobody.send(&Request { method: "GET", path: "/v1/models", headers: &headers, body: None })?;
        answer.expect_problem(401, code)?;
    }

    // Reports are for workers alone.
    let path = "/internal/v1/reports";
    let body = br#"{"worker":"w","events":[]}"#;
    for signature in ["", "t=1,v1=00", &format!("t=1800000000,v1={}", "0".repeat(64))] {
        let headers = [("content-type", "application/json"), ("forebay-signature", signature)];
        let answer = nobody.send(&Request { method: "POST", path, headers: &headers, body: Some(body) })?;
        answer.expect_problem(401, "invalid-signature")?;
    }

    let owner = stack.client("wrong_key_is_refused")?;
    let stranger = stack.client("somebody_else")?;
    let owned = owner.accepted(&job)?;
    for path in ["", "/result"] {
        stranger.get(&format!("/v1/jobs/{}{path}", id(&owned)?))?.expect_problem(404, "job-not-found")?;
    }
    let path = format!("/v1/jobs/{}/cancel", id(&owned)?);
    stranger
        .send(&Request { method: "POST", path: &path, ..Request::default() })?
        .expect_problem(404, "job-not-found")?;
    owner.job(&owned)?;
    Ok(())
}
