//! A user's own TorchScript module answers with a `model.toml` alone: the example of models/README.md, as it is.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::stack::{Hall, Options};

pub fn check(hall: &Hall) -> Result<()> {
    let models = hall.scratch("own-models")?;
    let output = Command::new(hall.path(".tools/python/bin/python"))
        .arg(hall.path("models/examples/add_your_own.py"))
        .arg(&models)
        .output()
        .context("cannot run the exporter's Python")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut stack = hall.own("own", &Options { models_dir: Some(models), ..Options::default() })?;
    stack.start_worker(&[])?;
    let client = stack.client("own_model_needs_no_rust")?;
    let listed = client.get("/v1/models")?.expect(200)?.json()?;
    ensure!(listed["models"][0]["name"] == "double", "{listed}");

    let job = client.accepted(&json!({"model": "double", "input": {"tensor": [1.0, 2.5, -3.0, 0.0]}}))?;
    let result = client.result(&job)?.json()?;
    ensure!(result["output"] == json!([2.0, 5.0, -6.0, 0.0]), "{result}");
    Ok(())
}
