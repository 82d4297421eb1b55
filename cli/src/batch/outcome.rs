//! What became of an input.

use std::path::PathBuf;

use forebay::{Job, JobId, JobResult, Problem, Told};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    inputs::{Item, shown::shown},
    sink::is_text,
};

/// What became of an input.
pub(super) enum Outcome {
    /// It is on its way, and that was all.
    Submitted(Box<Told<Job>>),
    Succeeded {
        job: Box<Told<Job>>,
        result: JobResult,
        file: Option<PathBuf>,
    },
    /// Nothing was left to do.
    Earlier {
        job: JobId,
    },
    /// A job failed, or was called off.
    Failed {
        job: Option<JobId>,
        detail: String,
    },
    /// The service refuses this input.
    Refused(Box<Problem>),
}

/// The outcome of the only input is the command's own.
pub(super) fn alone(outcome: Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Submitted(_) | Outcome::Succeeded { .. } | Outcome::Earlier { .. } => Ok(()),
        Outcome::Failed { job: Some(job), detail } => Err(Failure::Job(format!("{job} failed: {detail}"))),
        Outcome::Failed { job: None, detail } => Err(Failure::Usage(detail)),
        Outcome::Refused(problem) => Err(Failure::Refused(problem)),
    }
}

/// An outcome as a line of JSON.
pub(super) fn in_line(item: &Item, outcome: &Outcome) -> Result<Value, Failure> {
    let input = &item.name;
    Ok(match outcome {
        Outcome::Submitted(job) => json!({ "input": input, "job": job.json }),
        Outcome::Succeeded { job, file: Some(file), .. } => {
            json!({ "input": input, "job": job.json, "file": shown(file) })
        }
        Outcome::Succeeded { job, result, .. } if is_text(result) => {
            let text = String::from_utf8_lossy(&result.bytes);
            let result = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
            json!({ "input": input, "job": job.json, "result": result })
        }
        Outcome::Succeeded { result, .. } => {
            let advice = format!("the result of {input} is {}: say where it goes, with --out", result.media_type);
            return Err(Failure::Usage(advice));
        }
        Outcome::Earlier { job } => json!({ "input": input, "id": job, "earlier": true }),
        Outcome::Failed { job, detail } => json!({ "input": input, "id": job, "failed": detail }),
        Outcome::Refused(problem) => {
            json!({ "input": input, "refused": { "code": problem.code, "detail": problem.detail } })
        }
    })
}
