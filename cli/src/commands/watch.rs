//! `forebay watch`

use std::io::{Write as _, stdout};

use clap::Args;
use forebay::{Client, Event, JobId};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::json;

use super::{Common, wait::expect_success};
use crate::{failure::Failure, interrupt::unless_ended, progress};

/// The most jobs at once: each has a connection.
const MOST: usize = 100;

#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    /// The jobs' ids, a hundred at most
    #[arg(value_name = "ID", required = true)]
    ids: Vec<JobId>,

    #[command(flatten)]
    common: Common,
}

/// Tells each event until all jobs ended; then ends as the first that did not succeed.
pub(super) async fn run(arguments: &WatchArguments) -> Result<(), Failure> {
    if arguments.ids.len() > MOST {
        return Err(Failure::Usage(format!("watch at most {MOST} jobs at once")));
    }
    let told = || "interrupted; jobs go on, and the same command watches again".to_owned();
    unless_ended(all(arguments), told).await
}

async fn all(arguments: &WatchArguments) -> Result<(), Failure> {
    let client = arguments.common.connection.client()?;
    let mut jobs: FuturesUnordered<_> =
        arguments.ids.iter().map(|id| one(&client, id, arguments.common.json)).collect();
    let mut first = Ok(());
    while let Some(ended) = jobs.next().await {
        match ended {
            Err(failure @ Failure::Unwritten(_)) => return Err(failure),
            ended => first = first.and(ended),
        }
    }
    first
}

async fn one(client: &Client, id: &JobId, as_json: bool) -> Result<(), Failure> {
    let mut events = client.events(id);
    let mut last = None;
    while let Some(event) = events.next().await? {
        tell(&event, as_json)?;
        last = Some(event.job);
    }
    last.map_or(Ok(()), |job| expect_success(&job))
}

fn tell(event: &Event, as_json: bool) -> Result<(), Failure> {
    let line = match as_json {
        true => json!({ "event": event.name, "id": event.id, "job": event.job.json }).to_string(),
        false => format!("{}  {}", event.job.id, progress::line(&event.job)),
    };
    Ok(writeln!(stdout(), "{line}")?)
}
