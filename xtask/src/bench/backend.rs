use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::ratio::{Ratio, Round};
use crate::{
    build::cargo,
    console::Console,
    process::Run,
    repository::Repository,
    stack::{Deployment, LocalStack, free_port},
};

/// What the saturation bench says of one model, a JSON line each.
#[derive(Debug, Deserialize)]
struct Figures {
    model: String,
    device: String,
    threads: u32,
    batch: u32,
    bare_items_per_s: f64,
    bare_sorted_items_per_s: Option<f64>,
    pipeline_items_per_s: f64,
    device_idle: f64,
    aws: Option<OverAws>,
    definition: String,
}

/// What the same pipeline does over LocalStack.
#[derive(Debug, Deserialize)]
struct OverAws {
    items_per_s: f64,
    device_idle: f64,
    without_model_items_per_s: f64,
}

/// The pipeline with queue and store in memory, beside a bare loop at the model's best batch size, in one process.
pub(super) fn measure(repository: &Repository, console: Console, only: &str) -> Result<Vec<Ratio>> {
    let name = "bench-backend";
    console.begin(name, "the pipeline beside a bare loop (the release build takes 10 min the first time)");
    let log = repository.step_log(name);
    let run = Run::new(console, name, &log)?;
    let folder = repository.run("bench/backend");
    let localstack = LocalStack::start(repository, free_port()?, &folder, &folder.join("localstack.log"))?;
    let mut bench = cargo(repository);
    bench.args([
        "bench",
        "--package",
        "forebay-backend",
        "--bench",
        "saturation",
        "--",
        "--json",
        "--aws",
        "--model",
        only,
    ]);
    bench.envs(Deployment::credentials()).env("AWS_ENDPOINT_URL", localstack.endpoint());
    // As the worker sets it for itself, for both sides.
    bench.env("OMP_WAIT_POLICY", "passive");
    bench.env("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=1073741824:glibc.malloc.mmap_threshold=33554432");
    run.program(bench.arg("--models-dir").arg(repository.path("models")))?;
    let ratios = ratios(&std::fs::read_to_string(&log).with_context(|| log.display().to_string())?)?;
    console.done(name, &crate::console::duration(run.started.elapsed()));
    Ok(ratios)
}

fn ratios(output: &str) -> Result<Vec<Ratio>> {
    let lines = output.lines().filter(|line| line.starts_with('{'));
    let ratios = lines
        .map(|line| Ok(ratio(&serde_json::from_str(line).with_context(|| line.to_owned())?)))
        .collect::<Result<Vec<_>>>()?;
    ensure!(!ratios.is_empty(), "the saturation bench told nothing");
    Ok(ratios)
}

fn ratio(figures: &Figures) -> Ratio {
    let round = Round { ours: figures.pipeline_items_per_s, bound: figures.bare_items_per_s };
    let mut ratio = Ratio::new(&format!("backend {}", figures.model), &figures.definition, 0.95, vec![round]);
    if let Some(sorted) = figures.bare_sorted_items_per_s {
        ratio.notes.push(format!(
            "the loop takes texts as they come; over all of them sorted by length, which nobody can who serves: {:.2}",
            figures.pipeline_items_per_s / sorted
        ));
    }
    ratio.notes.push(format!(
        "{}, {} threads, batches of {}; the device was idle {:.1} % of the time",
        figures.device,
        figures.threads,
        figures.batch,
        figures.device_idle * 100.0
    ));
    if let Some(aws) = &figures.aws {
        let bound = if aws.items_per_s > 0.8 * aws.without_model_items_per_s { "LocalStack" } else { "the model" };
        ratio.notes.push(format!(
            "over LocalStack {:.1}/s, with the device idle {:.1} % of the time; {:.1}/s with an engine that takes no time: {bound} \
             bounds it",
            aws.items_per_s,
            aws.device_idle * 100.0,
            aws.without_model_items_per_s
        ));
    }
    ratio
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_json_is_a_ratio() {
        let output = "   Compiling x\n{\"model\":\"m\",\"device\":\"cpu\",\"threads\":1,\"batch\":4,\"bare_items_per_s\":\
                      100.0,\"bare_sorted_items_per_s\":120.0,\"pipeline_items_per_s\":96.0,\"ratio\":0.96,\
                      \"device_idle\":0.02,\"aws\":{\"items_per_s\":9.0,\"device_idle\":0.9,\"without_model_items_per_s\":10.0},\"definition\":\"a ÷ b\"}\n";
        let ratios = ratios(output).unwrap();
        assert_eq!(ratios.len(), 1);
        assert!((ratios[0].median - 0.96).abs() < 1e-9 && ratios[0].name == "backend m");
        assert!(
            ratios[0].notes[0].ends_with("sorted by length, which nobody can who serves: 0.80"),
            "{:?}",
            ratios[0].notes
        );
        assert!(ratios[0].notes[2].ends_with("LocalStack bounds it"), "{:?}", ratios[0].notes);
        assert!(super::ratios("nothing").is_err());
    }
}
