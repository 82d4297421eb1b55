//! `forebay wait`

use std::path::PathBuf;

use clap::Args;
use forebay::{Answer, Client, Job, JobId, JobStatus, LongPoll};

use super::{
    CommonArguments, for_each,
    get::{count_of, deliver},
    write_json,
};
use crate::{failure::Failure, interrupt::unless_ended, progress, show::Show, span};

#[derive(Debug, Args)]
pub(crate) struct WaitArguments {
    /// The jobs' ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<JobId>,

    /// How long to wait for all of them
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = span::parse)]
    timeout: u64,

    /// Write the results to standard output
    #[arg(long)]
    result: bool,

    /// Write the result to this file; several into this folder
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArguments,
}

pub(crate) async fn run(arguments: &WaitArguments) -> Result<(), Failure> {
    let client = arguments.common.connection.client()?;
    let one = Patient { client, arguments, wait: LongPoll::up_to(span::timeout(arguments.timeout)) };
    let message = || "interrupted; jobs go on, and the same command waits again".to_owned();
    unless_ended(for_each(&arguments.ids, |id| one.until_ended(id)), message).await
}

/// Who waits, and how.
struct Patient<'a> {
    client: Client,
    arguments: &'a WaitArguments,
    wait: LongPoll,
}

impl Patient<'_> {
    async fn until_ended(&self, id: JobId) -> Result<(), Failure> {
        let Self { client, arguments, wait } = self;
        let show = Show::one();
        let job = client.wait_watched(&id, show.watched(*wait), |job| show.job(job)).await?;
        show.end();
        if arguments.common.json && !arguments.result {
            write_json(&job.json)?;
        }
        expect_success(&job)?;
        if arguments.result || arguments.out.is_some() {
            deliver(client, &id, arguments.out.as_deref(), count_of(&arguments.ids)).await?;
        }
        Ok(())
    }
}

/// A job that has no result ends the command accordingly.
pub(super) fn expect_success(job: &Answer<Job>) -> Result<(), Failure> {
    match job.status {
        JobStatus::Succeeded => Ok(()),
        JobStatus::Failed => Err(Failure::Job(format!("{} failed: {}", job.id, progress::why(job)))),
        status => Err(Failure::Job(format!("{} is {status}", job.id))),
    }
}
