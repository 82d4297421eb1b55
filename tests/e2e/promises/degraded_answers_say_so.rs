//! Beyond some limits something lighter answers instead of nobody: a stored result of an older version, else a lighter
//! model. It says so, and keeps saying so; who wants the real thing or nothing gets a refusal.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::text,
    stack::{Hall, Options},
    whole_day::begins_clear_of_midnight,
};

const PLANS: &str = r#"
[plans.pro]
class = "paid"
limits = []

[plans.soft]
class = "free"
limits = [
  { name = "best", dimension = "account", algorithm = "fixed-window", quantity = 1, window = "month", unit = "requests", beyond = "degrade" },
]
"#;

const SERVING: &str = r#"
[serve.double]
version = "2"
stale = ["1"]
lighter = "quick"
"#;

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    let models = hall.scratch("degrading-models")?;
    make_models(hall, &models)?;
    let options = Options {
        models_dir: Some(models),
        plans: Some(PLANS.to_owned()),
        serving: Some(SERVING.to_owned()),
        ..Options::default()
    };
    let mut stack = hall.own("degrade", &options)?;
    stack.start_worker(&[])?;
    let client = stack.new_client("soft", "soft")?;
    let job = |first: f64| json!({"model": "double", "input": {"tensor": [first, 2.5, -3.0, 0.0]}});
    let is = |job: &Value, served: &str, degraded: Value| {
        job["served_model"] == served && [&job["degraded"], &job["degraded_reason"]] == [&degraded[0], &degraded[1]]
    };

    // All that the limit gives, for the version of yesterday.
    let old = client.submit_with(&job(1.0), &[("x-model-version", "1")])?.expect(202)?.json()?;
    let result = client.result(&old)?.json()?;
    ensure!(is(&old, "double@1", json!([false, null])) && result["output"][0] == 2.0, "{old} {result}");

    let stale = client.submit(&job(1.0))?.expect(200)?.json()?;
    ensure!(is(&stale, "double@1", json!([true, "stale-result"])) && stale["id"] != old["id"], "{stale}");
    ensure!(client.get(text(&stale, "result_url")?)?.expect(200)?.json()? == result, "not the stored result");
    ensure!(is(&client.job(&stale)?, "double@1", json!([true, "stale-result"])), "{}", client.job(&stale)?);

    let foretold = client.foretold(&job(2.0))?;
    ensure!(foretold["decision"] == "accept" && foretold["degraded"] == "lighter-model", "{foretold}");
    let lighter = client.submit(&job(2.0))?.expect(202)?.json()?;
    ensure!(is(&lighter, "quick@1", json!([true, "lighter-model"])) && lighter["model"] == "quick", "{lighter}");
    ensure!(client.result(&lighter)?.json()?["output"][0] == 4.0);
    ensure!(is(&client.job(&lighter)?, "quick@1", json!([true, "lighter-model"])), "{}", client.job(&lighter)?);
    // The lighter model need not run twice for it either.
    let again = client.submit(&job(2.0))?.expect(200)?.json()?;
    ensure!(is(&again, "quick@1", json!([true, "lighter-model"])) && again["cached"] == true, "{again}");

    let refused = client.submit_with(&job(2.0), &[("prefer", "handling=strict")])?;
    refused.expect_limited(&["best"])?;
    // What is joined or stored is the real thing, whatever the limits say of others.
    let other = stack.new_client("hard", "soft")?;
    let best = other.submit_with(&job(2.0), &[("prefer", "handling=strict")])?.expect(202)?.json()?;
    ensure!(is(&best, "double@2", json!([false, null])), "{best}");
    other.result(&best)?;
    Ok(())
}

/// `double` in two versions and `quick`: one module under three names.
fn make_models(hall: &Hall, models: &Path) -> Result<()> {
    let output = Command::new(hall.path(".tools/python/bin/python"))
        .arg(hall.path("models/examples/add_your_own.py"))
        .arg(models)
        .output()
        .context("cannot run the exporter's Python")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = models.join("double/1");
    let manifest = fs::read_to_string(made.join("model.toml"))?;
    for (name, version) in [("double", "2"), ("quick", "1")] {
        let folder = models.join(name).join(version);
        fs::create_dir_all(&folder)?;
        for file in fs::read_dir(&made)?.flatten() {
            fs::copy(file.path(), folder.join(file.file_name()))?;
        }
        let named = manifest
            .replace("name = \"double\"", &format!("name = \"{name}\""))
            .replace("version = \"1\"", &format!("version = \"{version}\""));
        fs::write(folder.join("model.toml"), named)?;
    }
    Ok(())
}
