//! One file a command.

pub(crate) mod account;
mod asked;
pub(crate) mod cancel;
pub(crate) mod completions;
pub(crate) mod get;
pub(crate) mod jobs;
pub(crate) mod models;
mod pages;
pub(crate) mod plan;
pub(crate) mod quota;
pub(crate) mod retry;
pub(crate) mod submit;
pub(crate) mod usage;
pub(crate) mod wait;
pub(crate) mod watch;
pub(crate) mod webhooks;

use std::io::{Write as _, stderr, stdout};

use clap::Args;
use forebay::{Job, JobId};
use serde_json::Value;

use crate::{failure::Failure, settings::Connection};

/// What every command takes that asks a service.
#[derive(Debug, Clone, Args)]
pub(crate) struct CommonArguments {
    #[command(flatten)]
    pub(crate) connection: Connection,

    /// Write JSON, for machines
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

impl CommonArguments {
    /// Writes an answer: as JSON where that is asked for, else as `text`, whole lines of it.
    fn write(&self, json: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.json {
            true => write_json(json),
            false => Ok(write!(stdout(), "{}", text())?),
        }
    }
}

/// A value as a line of JSON.
fn write_json(value: &Value) -> Result<(), Failure> {
    Ok(writeln!(stdout(), "{value}")?)
}

/// Does `work` for each job in turn; of several, reports each that does not go well and ends as the first of them.
async fn for_each<F: Future<Output = Result<(), Failure>>>(
    ids: &[JobId],
    mut work: impl FnMut(JobId) -> F,
) -> Result<(), Failure> {
    let mut first = None;
    for id in ids {
        match work(id.clone()).await {
            Ok(()) => {}
            Err(failure @ Failure::Unwritten(_)) => return Err(failure),
            Err(failure) if ids.len() == 1 => return Err(failure),
            Err(failure) => {
                writeln!(stderr(), "forebay: {id}: {failure}")?;
                first.get_or_insert(failure.exit());
            }
        }
    }
    first.map_or(Ok(()), |exit| Err(Failure::Reported(exit)))
}

/// A list of jobs as a table.
fn job_rows<'a>(jobs: impl Iterator<Item = &'a Job>) -> String {
    use crate::{moment, progress, table};
    let cells = |job: &Job| {
        let model = job.served_model.clone().unwrap_or_else(|| job.model.clone());
        [job.id.to_string(), model, moment::show(job.timeline.accepted_ms), progress::line(job)]
    };
    table::render(["ID", "MODEL", "ACCEPTED", "STATUS"], &jobs.map(cells).collect::<Vec<_>>())
}
