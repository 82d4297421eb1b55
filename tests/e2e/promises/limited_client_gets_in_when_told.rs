//! A client over its limit sees 429 with when to come back, and gets in then.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{client::Client, in_time::in_time, stack::Hall};

pub const PLANS: &str = r#"
[plans.soon-used-up]
class = "free"
limits = [{ name = "submit", dimension = "account", algorithm = "token-bucket", quantity = 3, window = "24s", unit = "requests" }]
"#;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.idle()?;
    let new_client = |tried| stack.new_client(&format!("limited-client-{tried}"), "soon-used-up");
    in_time(new_client, |client| gets_in_when_told(&client))
}

fn gets_in_when_told(client: &Client) -> Result<()> {
    let job = |n: usize| json!({"model": "dcgan-faces", "parameters": {"seed": n}});

    // The plan: a bucket of three, one more each eight seconds.
    for n in 0..3 {
        let answer = client.submit(&job(n))?.expect(202)?;
        let left = format!("\"submit\";r={}", 2 - n);
        ensure!(answer.must("ratelimit")?.starts_with(&left), "expected {left}: {answer:?}");
        ensure!(answer.must("ratelimit-policy")? == "\"submit\";q=3;w=24", "{answer:?}");
    }
    let refused = client.submit(&job(3))?;
    let problem = refused.expect_limited(&["submit"])?;
    ensure!(problem["retryable"] == true, "{problem}");
    ensure!(refused.must("ratelimit")?.starts_with("\"submit\";r=0"), "{refused:?}");
    let wait_s = refused.retry_after_s()?;
    ensure!((1..=8).contains(&wait_s), "told to wait {wait_s} s for a token that comes within 8");

    // Reading is not submitting: it is not refused.
    client.get("/v1/models")?.expect(200)?;

    std::thread::sleep(Duration::from_secs(wait_s));
    client.submit(&job(3))?.expect(202).map(drop)
}
