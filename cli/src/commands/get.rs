//! `forebay get`

use std::path::{Path, PathBuf};

use clap::Args;
use forebay::{Client, Job, JobId};

use super::{CommonArguments, for_each};
use crate::{
    failure::Failure,
    inputs::{Item, Source},
    moment, progress,
    sink::{Count, Sink, to_stdout},
    table,
};

#[derive(Debug, Args)]
pub(crate) struct GetArguments {
    /// The jobs' ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<JobId>,

    /// Write the result instead of the job, to standard output
    #[arg(long)]
    result: bool,

    /// Write the result to this file; several into this folder
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArguments,
}

pub(crate) async fn run(arguments: &GetArguments) -> Result<(), Failure> {
    let client = arguments.common.connection.client()?;
    for_each(&arguments.ids, |id| one(&client, arguments, id)).await
}

async fn one(client: &Client, arguments: &GetArguments, id: JobId) -> Result<(), Failure> {
    if arguments.result || arguments.out.is_some() {
        return deliver(client, &id, arguments.out.as_deref(), count_of(&arguments.ids)).await;
    }
    let job = client.job(&id).await?;
    arguments.common.write(&job.json, || rendered(&job))
}

/// How many results so many jobs may have.
pub(super) fn count_of(ids: &[JobId]) -> Count {
    if ids.len() > 1 { Count::Several } else { Count::One }
}

/// Fetches a job's result and puts it where it belongs.
pub(super) async fn deliver(client: &Client, id: &JobId, out: Option<&Path>, count: Count) -> Result<(), Failure> {
    let result = client.result(id).await?;
    let Some(path) = out.filter(|path| path.as_os_str() != "-") else { return to_stdout(&result) };
    let source = Source::File(PathBuf::new());
    let item = Item { name: id.to_string(), relative: id.as_str().into(), source };
    Sink::out(path, count).put(&item, &result).map(|_| ())
}

/// A job in full, a line each.
fn rendered(job: &Job) -> String {
    let parameters = serde_json::to_string(&job.parameters).unwrap_or_default();
    let moment = |ms: Option<u64>| moment::show(ms);
    let rows = [
        ("id", job.id.to_string()),
        ("status", progress::line(job)),
        ("model", job.served_model.clone().unwrap_or_else(|| job.model.clone())),
        ("parameters", parameters),
        ("lane", job.lane.clone().unwrap_or_else(|| "-".to_owned())),
        ("cost", job.cost_ms.map_or_else(|| "-".to_owned(), progress::span)),
        ("device", job.device_ms.map_or_else(|| "-".to_owned(), |device_ms| progress::span(device_ms.round() as u64))),
        ("attempt", job.attempt.to_string()),
        ("accepted", moment(job.timeline.accepted_ms)),
        ("started", moment(job.timeline.started_ms)),
        ("finished", moment(job.timeline.finished_ms)),
        ("not before", moment(job.not_before_ms)),
        ("deadline", moment(job.deadline_ms)),
    ];
    table::lines(rows.map(|(name, value)| [name.to_owned(), value]).as_slice())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_is_shown_line_by_line() {
        let job = json!({"id": "job_1", "status": "queued", "model": "m", "parameters": {"top_k": 5}, "cost_ms": 40});
        let shown = rendered(&serde_json::from_value(job).unwrap());
        assert!(
            shown.starts_with("id          job_1\nstatus      queued\nmodel       m\nparameters  {\"top_k\":5}\n"),
            "{shown}"
        );
        assert!(shown.contains("cost        40 ms\ndevice      -\n"), "{shown}");
    }
}
