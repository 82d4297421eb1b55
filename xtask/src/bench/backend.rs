use std::fs;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::ratio::{Ratio, Round};
use crate::{build::cargo, console::Console, process::Run, repository::Repository};

/// The pipeline with queue and store in memory, beside a bare loop at the model's best batch size, both in one process.
pub(super) fn measure(repository: &Repository, console: Console) -> Result<Ratio> {
    let name = "bench-backend";
    console.begin(name, "building for release and running the saturation bench (10 min the first time)");
    let run = Run::new(console, name, &repository.step_log(name))?;
    let mut bench = cargo(repository);
    let json = repository.run("bench/backend.json");
    fs::create_dir_all(repository.run("bench"))?;
    let _ = fs::remove_file(&json);
    bench.args(["bench", "--package", "forebay-backend", "--bench", "saturation", "--", "--json"]).arg(&json);
    run.program(&mut bench)?;
    let text = fs::read_to_string(&json).with_context(|| json.display().to_string())?;
    ratio_of(&serde_json::from_str(&text)?)
}

fn ratio_of(json: &Value) -> Result<Ratio> {
    let rounds = json.get("rounds").and_then(Value::as_array).context("the bench told no rounds")?;
    let number = |round: &Value, field: &str| round.get(field).and_then(Value::as_f64);
    let rounds = rounds
        .iter()
        .map(|round| Some(Round { ours: number(round, "pipeline")?, bound: number(round, "bare")? }))
        .collect::<Option<Vec<_>>>()
        .context("the bench told a round without figures")?;
    let definition = "items/s of the whole pipeline at saturation, queue and store in memory ÷ items/s of a bare loop that \
                      runs the same model at its best batch size";
    Ok(Ratio::new("backend", definition, 0.95, rounds))
}
