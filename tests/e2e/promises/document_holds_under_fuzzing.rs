//! Whatever Schemathesis makes of the OpenAPI document, the edge answers without a server error and as described.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use forebay_xtask::repository::Repository;

use crate::{
    client::Client,
    stack::{ADMIN_TOKEN, Hall, Infra, Options, Stack},
};

/// Room for all that is tried.
const PLAN: &str = r#"
[plans.fuzzed]
class = "paid"
limits = [{ name = "all", dimension = "account", algorithm = "token-bucket", quantity = 100000, window = "1m", unit = "requests" }]
"#;

pub fn check(hall: &Hall) -> Result<()> {
    // Its own: the operator's part takes catalogs away. Nothing runs here, and nobody waits for it.
    let shipped = std::fs::read_to_string(hall.path("catalog/plans.toml"))?;
    let options = Options { plans: Some(shipped + PLAN), infra: Infra::Common, ..Options::default() };
    let stack = hall.own("fuzzed", &options)?;
    let served = Client::new(&stack.origin(), None).get("/openapi.json")?.expect(200)?;
    ensure!(served.must("content-type")?.starts_with("application/json"), "{served:?}");
    let committed = std::fs::read(hall.path("edge/console/openapi.json"))?;
    ensure!(served.body == committed, "the edge serves another document");

    let key = stack.new_client("fuzzed", "fuzzed")?;
    fuzz(hall, &stack, key.key(), "--exclude-tag=Operator")?;
    fuzz(hall, &stack, ADMIN_TOKEN, "--include-tag=Operator")
}

fn fuzz(hall: &Hall, stack: &Stack, token: &str, which: &str) -> Result<()> {
    let program = Repository::find()?.tool("schemathesis/bin/schemathesis");
    let output = Command::new(&program)
        .arg("--config-file")
        .arg(hall.path("tests/schemathesis/schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", stack.origin()), "--no-color", which])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        // It leaves notes where it runs.
        .current_dir(hall.scratch("schemathesis")?)
        .output()
        .with_context(|| format!("{} is not there: cargo xtask test brings it", program.display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{which}:\n{stdout}{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
