//! Where the catalog allows them, callers without credentials have one account an address: /32 of IPv4, /64 of IPv6.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, Request, id},
    stack::{Hall, Infra, Options, TINY_PLAN},
};

pub fn check(hall: &Hall) -> Result<()> {
    let identity = Some(format!("anonymous = \"{TINY_PLAN}\""));
    let options = Options { identity, infra: Infra::Common, ..Options::default() };
    let stack = hall.own("anonymous", &options)?;
    let nobody = Client::new(&stack.origin(), None);

    // The plan: three at once.
    for (own, same, other) in [
        ("203.0.113.7", "::ffff:203.0.113.7", "203.0.113.8"),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"),
    ] {
        let jobs = (0..3).map(|seed| from(&nobody, own, seed)?.expect(202)?.json());
        let jobs: Vec<Value> = jobs.collect::<Result<_>>()?;
        from(&nobody, same, 3)?.expect_problem(429, "rate-limited")?;
        from(&nobody, other, 3)?.expect(202)?;
        let path = format!("/v1/jobs/{}", id(&jobs[0])?);
        get_from(&nobody, same, &path)?.expect(200)?;
        get_from(&nobody, other, &path)?.expect_problem(404, "job-not-found")?;
    }

    // Whoever shows something shows something good.
    let headers = [("authorization", "Bearer fb_short")];
    let request = Request { method: "GET", path: "/v1/models", headers: &headers, body: None };
    nobody.send(&request)?.expect_problem(401, "malformed-credentials")?;
    get_from(&nobody, "unknown", "/v1/models")?.expect_problem(401, "missing-credentials")?;
    let listing: Value = nobody.get("/v1/models")?.expect(200)?.json()?;
    ensure!(listing["plan"]["name"] == TINY_PLAN, "{}", listing["plan"]);
    Ok(())
}

/// Submits as from that address: the local runtime lets callers say where they are.
fn from(client: &Client, address: &str, seed: u64) -> Result<Answer> {
    let body = serde_json::to_vec(&json!({"model": "dcgan-faces", "parameters": {"seed": seed}}))?;
    let headers = [("content-type", "application/json"), ("cf-connecting-ip", address)];
    client.send(&Request { method: "POST", path: "/v1/jobs", headers: &headers, body: Some(&body) })
}

fn get_from(client: &Client, address: &str, path: &str) -> Result<Answer> {
    client.send(&Request { method: "GET", path, headers: &[("cf-connecting-ip", address)], body: None })
}
