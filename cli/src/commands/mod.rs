//! One file a command.

pub(crate) mod asked;
mod cancel;
mod completions;
mod get;
mod jobs;
mod models;
mod plan;
mod quota;
mod retry;
mod submit;
mod usage;
mod wait;
mod watch;
mod webhooks;

use std::{
    io::{Write as _, stderr, stdout},
    pin::Pin,
};

use clap::Args;
use forebay::{Job, JobId};
use serde_json::Value;

pub(crate) use self::{
    cancel::CancelArguments, completions::CompletionsArguments, get::GetArguments, jobs::JobsArguments,
    models::ModelsArguments, plan::PlanArguments, quota::QuotaArguments, retry::RetryArguments,
    submit::SubmitArguments, usage::UsageArguments, wait::WaitArguments, watch::WatchArguments,
    webhooks::WebhooksArguments,
};
use crate::{arguments::Command, dlq, failure::Failure, keys, settings::Connection};

/// What every command takes that asks a service.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) connection: Connection,

    /// Write JSON, for machines
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// Does what is asked for.
pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    let work: Pin<Box<dyn Future<Output = Result<(), Failure>> + '_>> = match command {
        Command::Keys(arguments) => return keys::run(arguments),
        Command::Dlq(arguments) => return dlq::run(arguments),
        Command::Completions(arguments) => return completions::run(arguments),
        Command::Submit(arguments) => Box::pin(submit::run(arguments)),
        Command::Wait(arguments) => Box::pin(wait::run(arguments)),
        Command::Get(arguments) => Box::pin(get::run(arguments)),
        Command::Cancel(arguments) => Box::pin(cancel::run(arguments)),
        Command::Retry(arguments) => Box::pin(retry::run(arguments)),
        Command::Jobs(arguments) => Box::pin(jobs::run(arguments)),
        Command::Quota(arguments) => Box::pin(quota::run(arguments)),
        Command::Models(arguments) => Box::pin(models::run(arguments)),
        Command::Plan(arguments) => Box::pin(plan::run(arguments)),
        Command::Usage(arguments) => Box::pin(usage::run(arguments)),
        Command::Watch(arguments) => Box::pin(watch::run(arguments)),
        Command::Webhooks(arguments) => Box::pin(webhooks::run(arguments)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work)
}

/// A value as a line of JSON.
fn write_json(value: &Value) -> Result<(), Failure> {
    Ok(writeln!(stdout(), "{value}")?)
}

/// Does `work` for each job in turn; of several, tells of each that does not go well and ends as the first of them.
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
    first.map_or(Ok(()), |exit| Err(Failure::Told(exit)))
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
