//! Callers without credentials have a free allowance each day; when it is used up they are told so by its name, and
//! what they were answered before costs them nothing.

use anyhow::{Result, ensure};
use forebay_contract::EventKind;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, Request, refused_until_midnight},
    stack::Hall,
    whole_day::begins_clear_of_midnight,
};

pub const PLANS: &str = r#"
[plans.nobodys]
class = "free"
guaranteed = 0.2
cached = "free"
limits = [
  { name = "pace", dimension = "account", algorithm = "token-bucket", quantity = 100, window = "1m", unit = "requests" },
  { name = "credits", dimension = "account", algorithm = "fixed-window", quantity = 45, window = "day", unit = "cost" },
]
"#;

const ADDRESS: &str = "203.0.113.90";

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    let stack = hall.idle()?;
    let nobody = Client::new(&stack.origin(), None);
    let jobs = (0..3).map(|seed| from(&nobody, ADDRESS, seed)?.expect(202)?.json());
    let jobs: Vec<Value> = jobs.collect::<Result<_>>()?;

    let refused = refused_until_midnight(|| from(&nobody, ADDRESS, 3))?;
    let problem = refused.expect_limited(&["credits"])?;
    let plans = problem["admitting_plans"].as_array().cloned().unwrap_or_default();
    ensure!(plans.contains(&json!("free")) && plans.contains(&json!("pro")), "{problem}");

    let address = [("cf-connecting-ip", ADDRESS)];
    let quota = nobody.send(&Request { method: "GET", path: "/v1/quota", headers: &address, body: None })?;
    let quota = quota.expect(200)?.json()?;
    ensure!(quota["plan"] == "nobodys" && quota["limits"][1]["name"] == "credits", "{quota}");
    ensure!(quota["limits"][1]["used"] == 45 && quota["limits"][1]["remaining"] == 0, "{quota}");

    stack.report(&jobs[0], EventKind::Succeeded { media_type: "image/png".to_owned(), bytes: 9, device_ms: 1.0 })?;
    let again = from(&nobody, ADDRESS, 0)?.expect(200)?.json()?;
    ensure!(again["cached"] == true && again["id"] == jobs[0]["id"], "{again}");
    from(&nobody, ADDRESS, 3)?.expect_limited(&["credits"])?;

    // Neither another address nor the owner of a key at this one has spent anything.
    from(&nobody, "203.0.113.91", 3)?.expect(202)?;
    from(&stack.client("anonymous_credits_run_out")?, ADDRESS, 3)?.expect(202)?;
    Ok(())
}

/// As from that address: the local runtime lets callers say where they are.
fn from(client: &Client, address: &str, seed: u64) -> Result<Answer> {
    let job = json!({"model": "dcgan-faces", "parameters": {"seed": seed}});
    client.submit_with(&job, &[("cf-connecting-ip", address)])
}
