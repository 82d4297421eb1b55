//! A client over its limit sees 429 with when to come back, and gets in then.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::stack::Hall;

pub fn check(hall: &Hall) -> Result<()> {
    let client = hall.shared()?.client("limited_client_gets_in_when_told")?;
    let job = |n: usize| json!({"model": "dcgan-faces", "parameters": {"seed": n}});

    // The plan: a bucket of three, one more each eight seconds.
    for n in 0..3 {
        let answer = client.submit(&job(n))?.expect(202)?;
        let left = format!("\"submit\";r={}", 2 - n);
        ensure!(answer.must("ratelimit")?.starts_with(&left), "expected {left}: {answer:?}");
        ensure!(answer.must("ratelimit-policy")? == "\"submit\";q=3;w=24", "{answer:?}");
    }
    let refused = client.submit(&job(3))?;
    let problem = refused.expect_problem(429, "rate-limited")?;
    ensure!(problem["retryable"] == true, "{problem}");
    ensure!(problem["violated_policies"] == json!(["submit"]), "{problem}");
    ensure!(refused.must("ratelimit")?.starts_with("\"submit\";r=0"), "{refused:?}");
    let wait_s: u64 = refused.must("retry-after")?.parse().context("Retry-After is not seconds")?;
    ensure!((1..=8).contains(&wait_s), "told to wait {wait_s} s for a token that comes within 8");

    // Reading is not submitting: it is not refused.
    client.get("/v1/models")?.expect(200)?;

    let told = Instant::now() + Duration::from_secs(wait_s);
    while Instant::now() < told {
        std::thread::sleep(told.saturating_duration_since(Instant::now()));
    }
    client.submit(&job(3))?.expect(202)?;
    Ok(())
}
