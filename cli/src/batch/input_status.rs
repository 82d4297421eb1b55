//! How far an input came.

use std::path::PathBuf;

use forebay::{Answer, Job, JobId, JobResult, Problem};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    inputs::{Item, shown::shown},
    sink::is_text,
};

/// How far an input came.
pub(super) enum InputStatus {
    /// It is on its way, and that was all.
    Submitted(Box<Answer<Job>>),
    Succeeded {
        job: Box<Answer<Job>>,
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

/// The only input's status is how the command ends.
pub(super) fn alone(status: InputStatus) -> Result<(), Failure> {
    match status {
        InputStatus::Submitted(_) | InputStatus::Succeeded { .. } | InputStatus::Earlier { .. } => Ok(()),
        InputStatus::Failed { job: Some(job), detail } => Err(Failure::Job(format!("{job} failed: {detail}"))),
        InputStatus::Failed { job: None, detail } => Err(Failure::Usage(detail)),
        InputStatus::Refused(problem) => Err(Failure::Refused(problem)),
    }
}

/// An input's status as a line of JSON.
pub(super) fn in_line(item: &Item, status: &InputStatus) -> Result<Value, Failure> {
    let input = &item.name;
    Ok(match status {
        InputStatus::Submitted(job) => json!({ "input": input, "job": job.json }),
        InputStatus::Succeeded { job, file: Some(file), .. } => {
            json!({ "input": input, "job": job.json, "file": shown(file) })
        }
        InputStatus::Succeeded { job, result, .. } if is_text(result) => {
            let text = String::from_utf8_lossy(&result.bytes);
            let result = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
            json!({ "input": input, "job": job.json, "result": result })
        }
        InputStatus::Succeeded { result, .. } => {
            let advice = format!("the result of {input} is {}: say where it goes, with --out", result.media_type);
            return Err(Failure::Usage(advice));
        }
        InputStatus::Earlier { job } => json!({ "input": input, "id": job, "earlier": true }),
        InputStatus::Failed { job, detail } => json!({ "input": input, "id": job, "failed": detail }),
        InputStatus::Refused(problem) => {
            json!({ "input": input, "refused": { "code": problem.code, "detail": problem.detail } })
        }
    })
}
