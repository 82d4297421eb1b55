//! `forebay jobs`

use clap::{Args, ValueEnum};
use forebay::{JobQuery, JobStatus};

use super::{CommonArguments, job_rows, pages::gather};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct JobsArguments {
    /// Only those that stand so
    #[arg(long, value_name = "STATUS")]
    status: Option<Status>,

    /// Only those of one model
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// How many, newest first
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,

    #[command(flatten)]
    common: CommonArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Status {
    Queued,
    Running,
    Succeeded,
    Failed,
    Canceled,
    Expired,
}

impl From<Status> for JobStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => Self::Queued,
            Status::Running => Self::Running,
            Status::Succeeded => Self::Succeeded,
            Status::Failed => Self::Failed,
            Status::Canceled => Self::Canceled,
            Status::Expired => Self::Expired,
        }
    }
}

pub(crate) async fn run(arguments: &JobsArguments) -> Result<(), Failure> {
    let JobsArguments { status, model, limit, common } = arguments;
    let (client, status) = (common.connection.client()?, status.map(Into::into));
    let jobs = gather(*limit, async |limit, cursor| {
        client.jobs(&JobQuery { status, model: model.clone(), limit: Some(limit), cursor }).await
    })
    .await?;
    common.write(&jobs.json, || job_rows(jobs.rows.iter()))
}
