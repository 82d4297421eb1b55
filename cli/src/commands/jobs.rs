//! `forebay jobs`

use std::io::{Write as _, stdout};

use clap::{Args, ValueEnum};
use forebay::{JobQuery, JobStatus};
use serde_json::{Value, json};

use super::{CommonArguments, job_rows};
use crate::failure::Failure;

/// The most that one page has.
const PAGE: u32 = 100;

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

/// Page by page, until there are as many as were asked for.
pub(crate) async fn run(arguments: &JobsArguments) -> Result<(), Failure> {
    let client = arguments.common.connection.client()?;
    let (mut jobs, mut all): (Vec<_>, Vec<Value>) = (Vec::new(), Vec::new());
    let mut query =
        JobQuery { status: arguments.status.map(Into::into), model: arguments.model.clone(), ..JobQuery::default() };
    loop {
        let left = arguments.limit.saturating_sub(u32::try_from(jobs.len()).unwrap_or(u32::MAX));
        query.limit = Some(left.clamp(1, PAGE));
        let mut page = client.jobs(&query).await?;
        jobs.append(&mut page.value.jobs);
        if let Some(Value::Array(found)) = page.json.get_mut("jobs").map(Value::take) {
            all.extend(found);
        }
        let is_new = page.value.cursor.is_some() && page.value.cursor != query.cursor;
        query.cursor = page.value.cursor;
        if !is_new || jobs.len() >= arguments.limit as usize {
            break;
        }
    }
    match arguments.common.json {
        true => Ok(writeln!(stdout(), "{}", json!({ "jobs": all, "cursor": query.cursor }))?),
        false => Ok(write!(stdout(), "{}", job_rows(jobs.iter()))?),
    }
}
